// gguf/writer.hpp - writes a GGUF file in one stream, whole or not at all. Never holds a tensor in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/output_file.hpp>
#include <linnet/base/tensor.hpp>
#include <linnet/gguf/metadata.hpp>
#include <linnet/gguf/reader.hpp>

namespace linnet::gguf {

/// Takes the data of one tensor, in chunks of any size.
class TensorSink {
 public:
  /// Errors: invalid_argument for more bytes than the tensor has; io for a full disk.
  void append(std::span<const std::byte> bytes);
  template <class T>
  void append(std::span<T> values) {
    append(std::as_bytes(values));
  }
  /// Bytes that are still to come.
  std::uint64_t remaining() const noexcept { return remaining_; }

 private:
  friend class Writer;
  TensorSink(OutputFile& file, const Tensor& tensor)
      : file_(file), tensor_(tensor), remaining_(static_cast<std::uint64_t>(tensor.view.bytes())) {}

  OutputFile& file_;
  const Tensor& tensor_;
  std::uint64_t remaining_;
};

/// What a GGUF file is to hold. Fill in, then write().
///
/// Layout: header, keys in order, tensors in order, each tensor's data at the next multiple of the alignment
/// (metadata's general.alignment, else 32), zeros between and after. A file that was read with File and is
/// written again through copy_of() gives the same bytes exactly if it has this layout: its tensors' data lie
/// in the order of its directory without wider gaps, its padding is zeros and complete, and nothing follows
/// it. The writers of the established tools make such files.
class Writer {
 public:
  Metadata metadata;
  std::uint32_t version = 3;  // 2 or 3; the bytes after it are the same

  /// Everything that a file holds, as views: `file` must live until the last write(). A split model becomes
  /// one file, without its split.* keys.
  static Writer copy_of(const File& file);

  /// Adds a tensor whose data the callback of write() will supply.
  /// @param shape  1 to 4 extents, the contiguous one first; the first is a multiple of the type's block
  /// length Errors: invalid_argument for a name or shape that a file cannot hold, or a name that is there
  /// already.
  void add_tensor(std::string_view name, DType type, std::span<const std::int64_t> shape);
  void add_tensor(std::string_view name, DType type, std::initializer_list<std::int64_t> shape) {
    add_tensor(name, type, std::span(shape.begin(), shape.size()));
  }
  /// Adds a tensor with data, which is not copied: it must live until the last write().
  void add_tensor(std::string_view name, const TensorView& view, int dims);

  /// What was added, in order; `offset` and `part` say nothing here.
  std::span<const Tensor> tensors() const noexcept { return tensors_; }
  /// Bytes that the file will have.
  std::uint64_t file_size() const;

  /// Supplies the data of a tensor: called once for each, in order. It may throw, to cancel.
  using Supply = std::function<void(const Tensor& tensor, TensorSink& sink)>;

  /// Writes PATH.part, then renames it. Whatever throws, PATH is as it was and PATH.part is gone.
  /// Errors: io (folder, permission, full disk); invalid_argument where metadata's alignment is invalid or
  /// `supply` gives more or fewer bytes than a tensor has. Cost: one pass at the disk's speed; memory for the
  /// directory and one chunk.
  void write(const std::filesystem::path& path, const Supply& supply) const;

  /// The same with the data of the views. Errors: also invalid_argument for a tensor that was added without
  /// data.
  void write(const std::filesystem::path& path) const;

 private:
  std::uint64_t alignment() const;
  std::vector<std::byte> directory() const;
  std::uint64_t data_end(std::uint64_t data_start) const;

  std::vector<Tensor> tensors_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace linnet::gguf

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/writer.ipp>
#endif
