// gguf/directory.ipp - the body of directory.hpp. Format: the GGUF specification, versions 2 and 3.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <linnet/base/checked.hpp>
#include <linnet/gguf/directory.hpp>
#include <linnet/gguf/foreign.hpp>

namespace linnet::gguf::detail {

inline constexpr std::string_view damaged = "; the file is damaged: fetch or convert it again";

LINNET_INLINE File DirectoryReader::read() {
  file_.size_ = bytes_.size();
  read_header();
  file_.metadata_.entries_.reserve(key_count_);
  for (std::uint64_t i = 1; i <= key_count_; ++i) read_key(i);
  read_alignment();
  file_.tensors_.reserve(tensor_count_);
  for (std::uint64_t i = 1; i <= tensor_count_; ++i) read_tensor(i);
  place_tensors();
  check_overlaps();
  note_trailing_bytes();
  return std::move(file_);
}

LINNET_INLINE void DirectoryReader::read_header() {
  const Place header{"header"};
  if (bytes_.empty()) fail(ErrorCode::truncated, "the file is empty; fetch it again");
  const auto magic = cursor_.take(4, header);
  if (std::memcmp(magic.data(), "GGUF", 4) != 0)
    fail(ErrorCode::magic, "not a GGUF file: ", describe_foreign(bytes_));

  const auto version = cursor_.number<std::uint32_t>(header);
  if (version != 0 && (version & 0xffff) == 0)
    Cursor::fail_at(ErrorCode::endian, 4, header,
                    "the file is big-endian; convert the model for little-endian machines");
  if (version != 2 && version != 3)
    Cursor::fail_at(
        ErrorCode::version, 4, header, "expected version 2 or 3, found ", version,
        version == 1 ? "; convert the model again" : "; a newer linnet may read it, or the file is damaged");
  file_.version_ = version;

  tensor_count_ = cursor_.number<std::uint64_t>(header);
  key_count_ = cursor_.number<std::uint64_t>(header);
  // The least that a key (length, value type, a byte of value) and a tensor (lengths, one extent, type) take.
  constexpr std::uint64_t least_key_bytes = 13, least_tensor_bytes = 24;
  const std::uint64_t left = cursor_.remaining();
  if (key_count_ > left / least_key_bytes || tensor_count_ > left / least_tensor_bytes)
    Cursor::fail_at(ErrorCode::count, 8, header, tensor_count_, " tensors and ", key_count_,
                    " keys do not fit in the ", left, " bytes that follow", damaged);
  if (key_count_ > max_keys || tensor_count_ > max_tensors)
    Cursor::fail_at(ErrorCode::limit, 8, header, "expected at most ", max_tensors, " tensors and ", max_keys,
                    " keys, found ", tensor_count_, " and ", key_count_, damaged);
}

LINNET_INLINE void DirectoryReader::read_key(std::uint64_t index) {
  const std::uint64_t start = cursor_.position();
  Place place{"key", index};
  const std::string_view key = cursor_.string(max_key_length, ErrorCode::key, place);
  place.name = key;
  if (!is_valid_key(key))
    Cursor::fail_at(ErrorCode::key, start, place, "expected a name of bytes in '!'..'~'", damaged);
  if (file_.metadata_.contains(key))
    Cursor::fail_at(ErrorCode::duplicate_key, start, place, "it is there twice", damaged);

  const ValueType type = read_value_type(place);
  const std::uint64_t value_start = cursor_.position();
  skip_value(type, place);
  file_.metadata_.insert_view(key, Value::view(type, cursor_.since(value_start)));
}

LINNET_INLINE ValueType DirectoryReader::read_value_type(const Place& place) {
  const auto type = cursor_.number<std::uint32_t>(place);
  if (type >= value_type_count)
    Cursor::fail_at(ErrorCode::value_type, cursor_.position() - 4, place, "expected a value type from 0 to ",
                    value_type_count - 1, ", found ", type, damaged);
  return static_cast<ValueType>(type);
}

LINNET_INLINE void DirectoryReader::skip_value(ValueType type, const Place& place) {
  if (type == ValueType::string) return skip_string(place);
  if (type == ValueType::array) return skip_array(place);
  const auto value = cursor_.take(static_cast<std::uint64_t>(byte_size(type)), place);
  if (type == ValueType::boolean) check_bools(value, place);
}

LINNET_INLINE void DirectoryReader::skip_array(const Place& place) {
  const std::uint64_t start = cursor_.position();
  const auto type_number = cursor_.number<std::uint32_t>(place);
  const auto count = cursor_.number<std::uint64_t>(place);
  if (type_number == static_cast<std::uint32_t>(ValueType::array))
    Cursor::fail_at(ErrorCode::depth, start, place, "an array of arrays, which no model uses", damaged);
  if (type_number >= value_type_count)
    Cursor::fail_at(ErrorCode::value_type, start, place, "expected an element type from 0 to ",
                    value_type_count - 1, ", found ", type_number, damaged);

  const auto type = static_cast<ValueType>(type_number);
  constexpr std::uint64_t least_string_bytes = 8;  // its length
  const std::uint64_t least =
      type == ValueType::string ? least_string_bytes : static_cast<std::uint64_t>(byte_size(type));
  if (count > cursor_.remaining() / least)
    Cursor::fail_at(ErrorCode::truncated, start + 4, place, "an array of ", count, " ", to_string(type),
                    " does not fit in the ", cursor_.remaining(),
                    " bytes that are left; the file is cut short or ", "damaged: fetch it again");
  if (type == ValueType::string) {
    for (std::uint64_t i = 0; i < count; ++i) skip_string(place);
    return;
  }
  const auto elements = cursor_.take(count * least, place);
  if (type == ValueType::boolean) check_bools(elements, place);
}

LINNET_INLINE void DirectoryReader::skip_string(const Place& place) {
  cursor_.string(max_string_length, ErrorCode::limit, place);
}

LINNET_INLINE void DirectoryReader::check_bools(std::span<const std::byte> bools, const Place& place) const {
  const auto bad = std::find_if(bools.begin(), bools.end(), [](std::byte b) { return b > std::byte{1}; });
  if (bad == bools.end()) return;
  const std::uint64_t start = cursor_.position() - bools.size();
  Cursor::fail_at(ErrorCode::boolean, start + static_cast<std::uint64_t>(bad - bools.begin()), place,
                  "expected a bool of 0 or 1, found ", static_cast<int>(*bad), damaged);
}

LINNET_INLINE void DirectoryReader::read_alignment() {
  const Value* value = file_.metadata_.find(alignment_key);
  if (!value) return;
  const Place place{"key", 0, alignment_key};
  const auto start = static_cast<std::uint64_t>(value->raw().data() - bytes_.data());
  if (value->type() != ValueType::u32)
    Cursor::fail_at(ErrorCode::key_type, start, place, "expected a u32, found one ", to_string(value->type()),
                    damaged);
  const auto alignment = static_cast<std::uint32_t>(*value->integer());
  if (!is_valid_alignment(alignment))
    Cursor::fail_at(ErrorCode::alignment, start, place, "expected a power of two from 1 to ", max_alignment,
                    ", found ", alignment, damaged);
  file_.alignment_ = alignment;
}

LINNET_INLINE void DirectoryReader::read_tensor(std::uint64_t index) {
  const std::string_view name = read_tensor_name(index);
  const Place place{"tensor", index, name};
  Tensor& tensor = file_.tensors_.emplace_back();
  tensor.name = name;
  read_shape(tensor, place);
  read_type(tensor, place);
  read_offset(tensor, place);
}

LINNET_INLINE std::string_view DirectoryReader::read_tensor_name(std::uint64_t index) {
  const std::uint64_t start = cursor_.position();
  Place place{"tensor", index};
  const std::string_view name = cursor_.string(max_tensor_name_length, ErrorCode::name, place);
  place.name = name;
  if (name.empty() || name.find('\0') != std::string_view::npos)
    Cursor::fail_at(ErrorCode::name, start, place, "its name is empty or holds a zero byte", damaged);
  if (!file_.index_.emplace(name, file_.tensors_.size()).second)
    Cursor::fail_at(ErrorCode::duplicate_tensor, start, place, "it is there twice", damaged);
  return name;
}

LINNET_INLINE void DirectoryReader::read_shape(Tensor& tensor, const Place& place) {
  const std::uint64_t start = cursor_.position();
  const auto dims = cursor_.number<std::uint32_t>(place);
  if (dims < 1 || dims > 4)
    Cursor::fail_at(ErrorCode::dimensions, start, place, "expected 1 to 4 dimensions, found ", dims, damaged);
  tensor.dims = static_cast<int>(dims);
  tensor.view.shape = {1, 1, 1, 1};
  std::uint64_t extents[4] = {};
  for (std::uint32_t i = 0; i < dims; ++i) extents[i] = cursor_.number<std::uint64_t>(place);
  for (std::uint32_t i = 0; i < dims; ++i) {
    if (extents[i] > INT64_MAX)
      Cursor::fail_at(ErrorCode::dimension, start + 4 + 8 * i, place, "an extent of ", extents[i], damaged);
    tensor.view.shape[i] = static_cast<std::int64_t>(extents[i]);
  }
}

LINNET_INLINE void DirectoryReader::read_type(Tensor& tensor, const Place& place) {
  const std::uint64_t start = cursor_.position();
  const auto number = cursor_.number<std::uint32_t>(place);
  const DTypeInfo* type = find_dtype(number);
  if (!type)
    Cursor::fail_at(ErrorCode::tensor_type, start, place, "its type ", number,
                    " is unknown or no longer in use; quantize ", "the model anew, or use a newer linnet");
  tensor.view.type = type->type;
  if (tensor.view.shape[0] % type->block_length != 0)
    Cursor::fail_at(ErrorCode::block, start, place, "a row of ", tensor.view.shape[0],
                    " elements is no whole number of ", type->name, " blocks of ", type->block_length,
                    damaged);
  if (!byte_count(tensor.view))
    Cursor::fail_at(ErrorCode::overflow, start, place, "its extents ", linnet::to_string(tensor.view.shape),
                    " give more bytes than any file has", damaged);
}

LINNET_INLINE void DirectoryReader::read_offset(Tensor& tensor, const Place& place) {
  const std::uint64_t start = cursor_.position();
  tensor.offset = cursor_.number<std::uint64_t>(place);  // from the start of the data, until place_tensors()
  if (tensor.offset % file_.alignment_ != 0)
    Cursor::fail_at(ErrorCode::offset, start, place, "expected a data offset that is a multiple of ",
                    file_.alignment_, ", found ", tensor.offset, damaged);
}

/// Turns offsets within the data into offsets within the file, and gives the views their addresses.
LINNET_INLINE void DirectoryReader::place_tensors() {
  data_start_ =
      *checked_align(cursor_.position(), file_.alignment_);  // a position in memory: cannot overflow
  for (Tensor& tensor : file_.tensors_) {
    const auto bytes = static_cast<std::uint64_t>(tensor.view.bytes());
    const auto begin = checked_add(data_start_, tensor.offset);
    const auto end = begin ? checked_add(*begin, bytes) : std::nullopt;
    if (bytes > 0 && (!end || *end > bytes_.size()))
      fail(ErrorCode::bounds, to_string(Place{"tensor", 0, tensor.name}), ": its ", bytes,
           " bytes at offset ", tensor.offset, " of the data, which starts at byte ", data_start_,
           ", lie outside the file of ", bytes_.size(), " bytes; it is cut short or damaged: fetch it again");
    // An empty tensor may say any offset; its address must still be one of ours.
    tensor.offset = bytes > 0 ? *begin : std::min<std::uint64_t>(begin.value_or(UINT64_MAX), bytes_.size());
    tensor.view.data = bytes_.data() + tensor.offset;
  }
}

LINNET_INLINE void DirectoryReader::check_overlaps() const {
  std::vector<const Tensor*> by_offset;
  by_offset.reserve(file_.tensors_.size());
  for (const Tensor& tensor : file_.tensors_)
    if (tensor.view.bytes() > 0) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(), [](auto a, auto b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const Tensor &left = *by_offset[i - 1], &right = *by_offset[i];
    if (left.offset + static_cast<std::uint64_t>(left.view.bytes()) > right.offset)
      fail(ErrorCode::overlap, "tensor ", in_quotes(right.name), " at byte ", right.offset,
           ": its data begins within that of ", in_quotes(left.name), " at byte ", left.offset,
           ", which has ", left.view.bytes(), " bytes", damaged);
  }
}

LINNET_INLINE void DirectoryReader::note_trailing_bytes() {
  std::uint64_t end = data_start_;
  for (const Tensor& tensor : file_.tensors_)
    if (tensor.view.bytes() > 0)
      end = std::max(end, tensor.offset + static_cast<std::uint64_t>(tensor.view.bytes()));
  end = *checked_align(end, file_.alignment_);
  if (bytes_.size() > end)
    file_.warnings_.push_back(
        concat(bytes_.size() - end, " bytes after the last tensor, from byte ", end, ", are unused"));
}

}  // namespace linnet::gguf::detail
