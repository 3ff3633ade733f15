// base/output_file.hpp - writes a file that appears under its name whole, or not at all. Never leaves half a
// file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <linnet/base/config.hpp>

namespace linnet {

/// Collects bytes in `PATH.part` and gives them the name PATH in commit(). Destroyed without a commit, it
/// removes the
/// `.part` file; what was under PATH before is then untouched. One writer per path at a time.
class OutputFile {
 public:
  /// Opens `PATH.part`, over what an interrupted run may have left there.
  /// @param expected_bytes  the final size where it is known, so that too small a disk is found before the
  /// first byte
  ///                        is written; 0 where it is not known
  /// Errors: io where the folder is missing or not writable, PATH is something other than a file, the disk
  /// has less than expected_bytes left, or the process may not write so large a file (`ulimit -f`).
  explicit OutputFile(std::filesystem::path path, std::uint64_t expected_bytes = 0);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Adds bytes at the end. Small pieces are gathered; large ones go straight to the system. Errors: io (full
  /// disk).
  void append(std::span<const std::byte> bytes);

  /// Adds `count` zero bytes.
  void append_zeros(std::uint64_t count);

  /// Bytes appended so far.
  std::uint64_t size() const noexcept { return size_; }

  /// Makes the file durable (fsync) and gives it its name. Nothing may be appended afterwards. Errors: io.
  void commit();

 private:
  void write_out(std::span<const std::byte> bytes);
  void flush();

  std::filesystem::path path_;
  std::filesystem::path part_path_;
  std::vector<std::byte> pending_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/base/output_file.ipp>
#endif
