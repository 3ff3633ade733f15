// gguf/writer.ipp - the body of writer.hpp: the layout of a GGUF file, written front to back.
#pragma once

#include <algorithm>

#include <linnet/base/checked.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/gguf/value.ipp>
#include <linnet/gguf/writer.hpp>

namespace linnet::gguf {

namespace detail {

template <class... Parts>
[[noreturn]] void refuse_tensor(std::string_view name, const Parts&... why) {
  fail(ErrorCode::invalid_argument, "tensor ", in_quotes(name), ": ", why...);
}

/// Where a tensor's data ends, padding included, if it begins at `offset`.
inline std::uint64_t padded_end(std::uint64_t offset, const Tensor& tensor, std::uint64_t alignment) {
  const auto end = checked_add(offset, static_cast<std::uint64_t>(tensor.view.bytes()));
  const auto padded = end ? checked_align(*end, alignment) : std::nullopt;
  if (!padded) refuse_tensor(tensor.name, "the tensors together have more bytes than a file can hold");
  return *padded;
}

}  // namespace detail

LINNET_INLINE void TensorSink::append(std::span<const std::byte> bytes) {
  if (bytes.size() > remaining_)
    detail::refuse_tensor(tensor_.name, "expected ", tensor_.view.bytes(), " bytes of data, found at least ",
                          bytes.size() - remaining_, " more");
  file_.append(bytes);
  remaining_ -= bytes.size();
}

LINNET_INLINE Writer Writer::copy_of(const File& file) {
  Writer writer;
  writer.metadata = file.metadata();
  writer.version = file.version();
  if (file.paths().size() > 1)
    for (const std::string_view key : {"split.no", "split.count", "split.tensors.count"})
      writer.metadata.erase(key);
  for (const Tensor& tensor : file.tensors()) writer.add_tensor(tensor.name, tensor.view, tensor.dims);
  return writer;
}

LINNET_INLINE void Writer::add_tensor(std::string_view name, DType type,
                                      std::span<const std::int64_t> shape) {
  if (shape.empty() || shape.size() > 4)
    detail::refuse_tensor(name, "expected 1 to 4 dimensions, found ", shape.size());
  TensorView view{type, {1, 1, 1, 1}, nullptr};
  std::copy(shape.begin(), shape.end(), view.shape.begin());
  add_tensor(name, view, static_cast<int>(shape.size()));
}

LINNET_INLINE void Writer::add_tensor(std::string_view name, const TensorView& view, int dims) {
  if (name.empty() || name.size() > max_tensor_name_length || name.find('\0') != std::string_view::npos)
    detail::refuse_tensor(name, "expected a name of 1 to ", max_tensor_name_length,
                          " bytes, none of them zero, found ", name.size(), " bytes");
  if (dims < 1 || dims > 4) detail::refuse_tensor(name, "expected 1 to 4 dimensions, found ", dims);
  const auto extents = std::span(view.shape);
  const auto unused = extents.subspan(static_cast<std::size_t>(dims));
  if (std::any_of(extents.begin(), extents.end(), [](std::int64_t extent) { return extent < 0; }) ||
      std::any_of(unused.begin(), unused.end(), [](std::int64_t extent) { return extent != 1; }))
    detail::refuse_tensor(name, "expected ", dims, " extents of at least 0, found ",
                          linnet::to_string(view.shape));
  const DTypeInfo& type = info(view.type);
  if (view.shape[0] % type.block_length != 0)
    detail::refuse_tensor(name, "a row of ", view.shape[0], " elements is no whole number of ", type.name,
                          " blocks of ", type.block_length, "; choose another type for it");
  if (!byte_count(view))
    detail::refuse_tensor(name, "its extents ", linnet::to_string(view.shape),
                          " give more bytes than a file can hold");
  if (!names_.emplace(name).second) detail::refuse_tensor(name, "it was added before");
  tensors_.push_back({std::string(name), view, 0, dims, 0});
}

LINNET_INLINE std::uint64_t Writer::alignment() const {
  const Value* value = metadata.find(alignment_key);
  if (!value) return default_alignment;
  const auto number = value->type() == ValueType::u32 ? *value->integer() : 0;
  if (!is_valid_alignment(static_cast<std::uint64_t>(number)))
    fail(ErrorCode::invalid_argument, "key ", in_quotes(alignment_key),
         ": expected a u32, a power of two from 1 to ", max_alignment, "; set another, or erase the key");
  return static_cast<std::uint64_t>(number);
}

/// Everything before the data, its padding included.
LINNET_INLINE std::vector<std::byte> Writer::directory() const {
  if (version != 2 && version != 3)
    fail(ErrorCode::invalid_argument, "GGUF version ", version, ": expected 2 or 3");
  const std::uint64_t unit = alignment();
  std::vector<std::byte> out;
  for (const char c : {'G', 'G', 'U', 'F'}) out.push_back(static_cast<std::byte>(c));
  detail::store<std::uint32_t>(out, version);
  detail::store<std::uint64_t>(out, tensors_.size());
  detail::store<std::uint64_t>(out, metadata.size());
  for (const auto& [key, value] : metadata) {
    detail::store_string(out, key);
    detail::store(out, static_cast<std::uint32_t>(value.type()));
    out.insert(out.end(), value.raw().begin(), value.raw().end());
  }
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    detail::store_string(out, tensor.name);
    detail::store(out, static_cast<std::uint32_t>(tensor.dims));
    for (int i = 0; i < tensor.dims; ++i)
      detail::store<std::uint64_t>(
          out, static_cast<std::uint64_t>(tensor.view.shape[static_cast<std::size_t>(i)]));
    detail::store(out, static_cast<std::uint32_t>(tensor.view.type));
    detail::store(out, offset);
    offset = detail::padded_end(offset, tensor, unit);
  }
  out.resize(*checked_align(out.size(), unit));
  return out;
}

LINNET_INLINE std::uint64_t Writer::data_end(std::uint64_t data_start) const {
  const std::uint64_t unit = alignment();
  for (const Tensor& tensor : tensors_) data_start = detail::padded_end(data_start, tensor, unit);
  return data_start;
}

LINNET_INLINE std::uint64_t Writer::file_size() const { return data_end(directory().size()); }

LINNET_INLINE void Writer::write(const std::filesystem::path& path, const Supply& supply) const {
  const std::uint64_t unit = alignment();
  const std::vector<std::byte> head = directory();
  OutputFile file(path, data_end(head.size()));
  file.append(head);
  for (const Tensor& tensor : tensors_) {
    TensorSink sink(file, tensor);
    supply(tensor, sink);
    if (sink.remaining() > 0)
      detail::refuse_tensor(tensor.name, "expected ", tensor.view.bytes(), " bytes of data, found ",
                            sink.remaining(), " fewer");
    file.append_zeros(*checked_align(file.size(), unit) - file.size());
  }
  file.commit();
}

LINNET_INLINE void Writer::write(const std::filesystem::path& path) const {
  for (const Tensor& tensor : tensors_)
    if (!tensor.view.data && tensor.view.bytes() > 0)
      detail::refuse_tensor(tensor.name, "it was added without data; use the write() that asks for it");
  write(path, [](const Tensor& tensor, TensorSink& sink) {
    sink.append(std::span(tensor.view.data, static_cast<std::size_t>(tensor.view.bytes())));
  });
}

}  // namespace linnet::gguf
