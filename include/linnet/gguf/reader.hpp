// gguf/reader.hpp - reads a GGUF file's directory: keys, values, and where the tensors lie. Never interprets
// a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/error.hpp>
#include <linnet/base/mapped_file.hpp>
#include <linnet/base/tensor.hpp>
#include <linnet/gguf/metadata.hpp>

namespace linnet::gguf {

// Limits of what a file may hold. With them a directory takes less than 64 MiB of memory, whatever the file
// says.
inline constexpr std::uint64_t max_keys = 1u << 17;
inline constexpr std::uint64_t max_tensors = 1u << 17;        // in one file
inline constexpr std::uint64_t max_string_length = 1u << 26;  // bytes of a string value
inline constexpr std::size_t max_tensor_name_length = 64;     // bytes
inline constexpr std::uint32_t max_alignment = 1u << 20;      // bytes
inline constexpr std::uint32_t default_alignment = 32;        // where the key general.alignment is missing
inline constexpr std::string_view alignment_key = "general.alignment";

/// Whether a file may have this alignment: a power of two up to max_alignment.
bool is_valid_alignment(std::uint64_t alignment) noexcept;

/// Bytes of a tensor of this type and shape, or nothing where a product of its extents does not fit in 63
/// bits, even with zero extents counted as one. @pre extents are not negative and the first is a multiple of
/// the block length.
std::optional<std::int64_t> byte_count(const TensorView& view) noexcept;

/// A tensor of a file.
struct Tensor {
  std::string name;
  TensorView view;           // view.data lies in the mapping, aligned only as far as the file says
  std::uint64_t offset = 0;  // of view.data, in bytes from the start of its file
  int dims = 0;              // how many extents the file gives, 1 to 4
  int part = 0;              // which file of a split model, from 0
};

struct OpenOptions {
  /// Open every part of a split model (NAME-00001-of-0000N.gguf), given any of them. False: this file alone.
  bool follow_split = true;
};

/// An open GGUF file (or the parts of a split one). Movable; keeps the mappings alive, which metadata and
/// tensors point into. Versions 2 and 3, little-endian.
///
/// Nothing that a file says is believed: every count, length, offset, product and sum is checked against what
/// the file holds before anything is allocated. A malformed file throws an Error whose code names the fault
/// (base/error.hpp) and whose text names the key or tensor and the byte. Accepted, by decision: gaps between
/// tensors, tensors with a zero extent, a file that ends within its last padding, bytes after the last tensor
/// (a warning). Not accepted though the format allows them: nested arrays, and extents that are beyond any
/// memory beside one that is zero.
class File {
 public:
  /// Maps and checks a file. Errors: io where it (or a part of a split model) cannot be opened; magic, with a
  /// hint at what the file is, where it is no GGUF; bad_model where parts do not belong together; the codes
  /// of malformed files. Cost: reads the directory once (a few ms for a vocabulary of 256k tokens), no
  /// tensor.
  static File open(const std::filesystem::path& path, const OpenOptions& options = {});

  /// The same over bytes in memory, which must outlive the File. A part of a split model is read as a file of
  /// its own.
  static File parse(std::span<const std::byte> bytes);

  /// Of a split model: those of its first part.
  const Metadata& metadata() const noexcept { return metadata_; }
  std::uint32_t version() const noexcept { return version_; }
  std::uint32_t alignment() const noexcept { return alignment_; }

  /// In file order, part after part.
  std::span<const Tensor> tensors() const noexcept { return tensors_; }
  /// The tensor of this name, or nothing. Cost: O(log tensors).
  const Tensor* find(std::string_view name) const noexcept;

  /// The files, in order; empty where the bytes came from memory.
  std::span<const std::filesystem::path> paths() const noexcept { return paths_; }
  /// Bytes of all files together.
  std::uint64_t size() const noexcept { return size_; }
  /// What is odd but harmless, a line each: bytes after the last tensor.
  std::span<const std::string> warnings() const noexcept { return warnings_; }

  /// Tells the system how a tensor is about to be read. A hint.
  void advise(const Tensor& tensor, Access access) const noexcept;
  /// Tells the system that a tensor will not be read again, so that its pages leave memory. A hint.
  /// @pre as for advise: `tensor` is one of tensors().
  void release(const Tensor& tensor) const noexcept;
  /// The same for any part of a tensor's data; bytes outside the mappings are left alone.
  void release(std::span<const std::byte> data) const noexcept;

 private:
  friend class detail::DirectoryReader;

  static File open_part(const std::filesystem::path& path);
  static File open_split(File opened);
  std::int64_t split_number(std::string_view key) const;
  void append_part(File&& part);

  std::vector<MappedFile> mappings_;  // as many as paths_
  std::vector<std::filesystem::path> paths_;
  Metadata metadata_;
  std::vector<Tensor> tensors_;
  std::map<std::string_view, std::size_t>
      index_;  // names as they lie in the mappings; a tree, as in Metadata
  std::vector<std::string> warnings_;
  std::uint64_t size_ = 0;
  std::uint32_t version_ = 0;
  std::uint32_t alignment_ = default_alignment;
};

}  // namespace linnet::gguf

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/reader.ipp>
#endif
