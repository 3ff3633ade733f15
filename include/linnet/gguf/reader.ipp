// gguf/reader.ipp - the body of reader.hpp: opening files, and joining the parts of a split one.
#pragma once

#include <bit>
#include <iterator>
#include <utility>

#include <linnet/base/checked.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/gguf/directory.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/gguf/split_name.hpp>

namespace linnet::gguf {

LINNET_INLINE bool is_valid_alignment(std::uint64_t alignment) noexcept {
  return std::has_single_bit(alignment) && alignment <= max_alignment;
}

LINNET_INLINE std::optional<std::int64_t> byte_count(const TensorView& view) noexcept {
  // A zero extent counts as one: then no product that anyone forms of some of the extents can wrap.
  std::uint64_t elements = 1;
  for (const std::int64_t extent : view.shape) {
    const auto product = checked_mul(elements, extent == 0 ? 1 : static_cast<std::uint64_t>(extent));
    if (!product || *product > INT64_MAX) return std::nullopt;
    elements = *product;
  }
  const DTypeInfo& type = info(view.type);
  const auto bytes = checked_mul((elements + static_cast<std::uint64_t>(type.block_length) - 1) /
                                     static_cast<std::uint64_t>(type.block_length),
                                 static_cast<std::uint64_t>(type.block_bytes));
  if (!bytes || *bytes > INT64_MAX) return std::nullopt;
  return view.bytes();
}

LINNET_INLINE File File::parse(std::span<const std::byte> bytes) {
  return detail::DirectoryReader(bytes).read();
}

LINNET_INLINE File File::open_part(const std::filesystem::path& path) {
  MappedFile mapping = MappedFile::open(path);
  try {
    File file = parse(mapping.bytes());
    file.mappings_.push_back(std::move(mapping));
    file.paths_.push_back(path);
    for (std::string& warning : file.warnings_) warning = concat(path_in_quotes(path), ": ", warning);
    return file;
  } catch (const Error& error) {
    fail(error.code(), path_in_quotes(path), ": ", error.what());
  }
}

LINNET_INLINE File File::open(const std::filesystem::path& path, const OpenOptions& options) {
  File file = open_part(path);
  const bool split =
      options.follow_split && file.metadata_.contains("split.count") && file.split_number("split.count") > 1;
  return split ? open_split(std::move(file)) : std::move(file);
}

namespace detail {

template <class... Parts>
[[noreturn]] void refuse_split(const std::filesystem::path& path, const Parts&... why) {
  fail(ErrorCode::bad_model, path_in_quotes(path), ": ", why..., "; fetch all parts again, into one folder");
}

}  // namespace detail

LINNET_INLINE std::int64_t File::split_number(std::string_view key) const {
  const Value* value = metadata_.find(key);
  const auto number = value ? value->integer() : std::nullopt;
  if (!number) detail::refuse_split(paths_[0], "key ", in_quotes(key), ": expected an integer, found none");
  return *number;
}

LINNET_INLINE File File::open_split(File opened) {
  const std::filesystem::path path = opened.paths_[0];
  const std::int64_t count = opened.split_number("split.count");
  const auto name = SplitName::parse(path);
  if (!name || name->count != count)
    detail::refuse_split(path, "key 'split.count' says that it is one of ", count,
                         " parts; expected a name that ends in ", SplitName{"", 1, count}.path().native());

  const auto open_number = [&](std::int64_t number) {
    if (number == name->number) return std::move(opened);
    try {
      return open_part(SplitName{name->prefix, number, count}.path());
    } catch (const Error& error) {
      fail(error.code(), "part ", number, " of ", count, ": ", error.what(),
           "; all parts belong in one folder");
    }
  };
  File whole;
  for (std::int64_t number = 1; number <= count; ++number) {
    File part = open_number(number);
    if (part.split_number("split.no") != number - 1 || part.split_number("split.count") != count)
      detail::refuse_split(part.paths_[0], "expected split.no ", number - 1, " and split.count ", count,
                           ", found ", part.split_number("split.no"), " and ",
                           part.split_number("split.count"));
    if (number == 1) {
      whole = std::move(part);
    } else {
      whole.append_part(std::move(part));
    }
  }
  if (const std::int64_t total = whole.split_number("split.tensors.count");
      std::cmp_not_equal(total, whole.tensors_.size()))
    detail::refuse_split(path, "key 'split.tensors.count' says ", total, " tensors, its parts hold ",
                         whole.tensors_.size());
  return whole;
}

LINNET_INLINE void File::append_part(File&& part) {
  for (const auto& [name, index] : part.index_)
    if (!index_.emplace(name, tensors_.size() + index).second)
      fail(ErrorCode::duplicate_tensor, path_in_quotes(part.paths_[0]), ": tensor ", in_quotes(name),
           " at byte ", part.tensors_[index].offset,
           ": an earlier part holds it too; fetch all parts again, into one folder");
  for (Tensor& tensor : part.tensors_) {
    tensor.part = static_cast<int>(paths_.size());
    tensors_.push_back(std::move(tensor));
  }
  std::move(part.mappings_.begin(), part.mappings_.end(), std::back_inserter(mappings_));
  std::move(part.paths_.begin(), part.paths_.end(), std::back_inserter(paths_));
  std::move(part.warnings_.begin(), part.warnings_.end(), std::back_inserter(warnings_));
  size_ += part.size_;
}

LINNET_INLINE const Tensor* File::find(std::string_view name) const noexcept {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

LINNET_INLINE void File::advise(const Tensor& tensor, Access access) const noexcept {
  if (mappings_.empty()) return;
  mappings_[static_cast<std::size_t>(tensor.part)].advise(access, tensor.offset,
                                                          static_cast<std::uint64_t>(tensor.view.bytes()));
}

LINNET_INLINE void File::release(const Tensor& tensor) const noexcept {
  if (mappings_.empty()) return;
  mappings_[static_cast<std::size_t>(tensor.part)].drop(tensor.offset,
                                                        static_cast<std::uint64_t>(tensor.view.bytes()));
}

LINNET_INLINE void File::release(std::span<const std::byte> data) const noexcept {
  for (const MappedFile& mapping : mappings_) {
    const std::span<const std::byte> bytes = mapping.bytes();
    if (data.data() >= bytes.data() && data.data() + data.size() <= bytes.data() + bytes.size())
      mapping.drop(static_cast<std::uint64_t>(data.data() - bytes.data()), data.size());
  }
}

}  // namespace linnet::gguf
