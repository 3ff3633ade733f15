// base/mapped_file.hpp - a file's bytes, mapped read-only into memory. Never writes, never copies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include <linnet/base/config.hpp>

namespace linnet {

/// How a range of a mapping is about to be read. A hint: it changes speed, never bytes.
enum class Access {
  normal,
  sequential,  // once, from front to back: read far ahead
  random,      // here and there: do not read ahead
  soon,        // all of it, soon: start reading now
};

/// A regular file mapped read-only. Movable; the mapping lives as long as the object, wherever it is moved
/// to. Other processes share the pages. A file that is cut short while it is mapped raises SIGBUS on the next
/// read beyond its new end, as every mapping does: replace model files by renaming, never in place.
class MappedFile {
 public:
  /// Maps the whole file. An empty file gives empty bytes.
  /// Errors: io where the path is missing, a directory, a device or not readable; out_of_memory where the
  /// process may not map that much (`ulimit -v`). Cost: no byte is read.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// Hints how [offset, offset + length) will be read.
  void advise(Access access, std::uint64_t offset, std::uint64_t length) const noexcept;

  /// Hints that [offset, offset + length) will not be read again: the whole pages inside leave this process's
  /// memory. Reading them later is allowed and gives the same bytes, from the file.
  void drop(std::uint64_t offset, std::uint64_t length) const noexcept;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/base/mapped_file.ipp>
#endif
