// tests/support/malformed_gguf.hpp - a small valid GGUF file and forty spoilt ones, made in memory. Never a
// real model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/error.hpp>

namespace linnet::tests {

/// Bytes of a file in the making, little-endian.
class FileBytes {
 public:
  FileBytes() = default;
  explicit FileBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  FileBytes& u8(std::uint8_t v) { return number(v); }
  FileBytes& u16(std::uint16_t v) { return number(v); }
  FileBytes& u32(std::uint32_t v) { return number(v); }
  FileBytes& u64(std::uint64_t v) { return number(v); }
  FileBytes& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  FileBytes& string(std::string_view text) { return u64(text.size()).raw(text); }
  FileBytes& zeros(std::size_t count) { return raw(std::string(count, '\0')); }
  FileBytes& pad(std::size_t unit) { return zeros((unit - bytes_.size() % unit) % unit); }

  FileBytes& header(std::uint32_t version, std::uint64_t tensors, std::uint64_t keys) {
    return raw("GGUF").u32(version).u64(tensors).u64(keys);
  }
  FileBytes& tensor(std::string_view name, std::initializer_list<std::uint64_t> shape, std::uint32_t type,
                    std::uint64_t offset) {
    string(name).u32(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) u64(extent);
    return u32(type).u64(offset);
  }

  const std::string& str() const { return bytes_; }

 private:
  template <class T>
  FileBytes& number(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof value);
    return *this;
  }

  std::string bytes_;
};

inline std::span<const std::byte> bytes_of(const std::string& file) { return std::as_bytes(std::span(file)); }

/// The valid file that the cases spoil: 384 bytes, four keys, two tensors. Offsets of what the cases touch
/// are below.
inline std::string base_gguf() {
  FileBytes file;
  file.header(3, 2, 4);
  file.string("general.architecture").u32(8).string("llama");
  file.string("general.alignment").u32(4).u32(32);
  file.string("t.arr").u32(9).u32(4).u64(2).u32(7).u32(8);
  file.string("t.b").u32(7).u8(1);
  file.tensor("a", {32, 2}, 8, 0);
  file.tensor("b", {4}, 0, 96);
  file.pad(32);
  for (int i = 0; i < 128; ++i) file.u8(static_cast<std::uint8_t>(i));
  return file.str();
}

/// Where things lie in base_gguf().
namespace at {
inline constexpr std::size_t version = 4, tensor_count = 8, key_count = 16;
inline constexpr std::size_t first_key = 24, value_type = 52, text_length = 56;
inline constexpr std::size_t alignment_type = 94, alignment = 98, array = 119;
inline constexpr std::size_t bool_key = 139, bool_value = 154;
inline constexpr std::size_t tensor_a = 155, dims_a = 164, shape_a = 168, type_a = 184;
inline constexpr std::size_t name_b = 204, offset_b = 221;
}  // namespace at

/// base_gguf() with other bytes at `offset`.
inline std::string overwrite(std::size_t offset, const FileBytes& bytes) {
  std::string file = base_gguf();
  return file.replace(offset, bytes.str().size(), bytes.str());
}

/// base_gguf() with [begin, end) replaced by bytes of any length.
inline std::string splice(std::size_t begin, std::size_t end, const FileBytes& bytes) {
  std::string file = base_gguf();
  return file.replace(begin, end - begin, bytes.str());
}

/// A file of one tensor whose extents are too large for it.
inline std::string one_tensor_gguf(std::uint32_t type, std::initializer_list<std::uint64_t> shape) {
  return FileBytes().header(3, 1, 0).tensor("t", shape, type, 0).pad(32).zeros(64).str();
}

struct MalformedCase {
  int number;
  std::string_view name;
  std::string bytes;
  std::optional<ErrorCode> expected;  // nothing: the file is accepted
};

namespace detail {

inline std::string nested_arrays() {
  FileBytes file;
  file.header(3, 0, 1).string("k").u32(9);
  for (int i = 0; i < 100'000; ++i) file.u32(9).u64(1);
  return file.u32(0).u64(0).str();
}

inline std::string wrapping_padding() {
  constexpr std::uint64_t huge = 0x7FFFFFFFFFFFFFC0;
  return FileBytes().header(3, 2, 0).tensor("a", {huge}, 24, 0).tensor("b", {huge}, 24, huge).str();
}

}  // namespace detail

/// The forty cases and the outcome that each must have.
inline std::vector<MalformedCase> malformed_cases() {
  using enum ErrorCode;
  const std::string base = base_gguf();
  const auto u8 = [](std::uint8_t v) { return FileBytes().u8(v); };
  const auto u32 = [](std::uint32_t v) { return FileBytes().u32(v); };
  const auto u64 = [](std::uint64_t v) { return FileBytes().u64(v); };
  const auto text = [](std::string_view t) { return FileBytes().raw(t); };
  const FileBytes bool_again(base.substr(at::bool_key, at::tensor_a - at::bool_key));
  std::string duplicate_key_file = overwrite(at::key_count, u64(5));
  duplicate_key_file.insert(at::tensor_a, bool_again.str());

  return {
      {1, "empty", "", truncated},
      {2, "cut_header", base.substr(0, 23), truncated},
      {3, "magic", overwrite(0, text("FUGG")), magic},
      {4, "version_0", overwrite(at::version, u32(0)), version},
      {5, "version_4", overwrite(at::version, u32(4)), version},
      {6, "big_endian", overwrite(at::version, u32(0x03000000)), endian},
      {7, "tensor_count_max", overwrite(at::tensor_count, u64(UINT64_MAX)), count},
      {8, "tensor_count_2_32", overwrite(at::tensor_count, u64(1ull << 32)), count},
      {9, "key_count_max", overwrite(at::key_count, u64(UINT64_MAX)), count},
      {10, "key_count_0", overwrite(at::key_count, u64(0)), dimensions},
      {11, "key_length_max", overwrite(at::first_key, u64(UINT64_MAX)), truncated},
      {12, "empty_key", splice(at::first_key, at::value_type, u64(0)), key},
      {13, "zero_byte_in_key", overwrite(40, u8(0)), key},
      {14, "key_of_65536",
       splice(at::first_key, at::value_type, FileBytes().string(std::string(65'536, 'k'))), key},
      {15, "duplicate_key", duplicate_key_file, duplicate_key},
      {16, "value_type_13", overwrite(at::value_type, u32(13)), value_type},
      {17, "text_length_2_62", overwrite(at::text_length, u64(1ull << 62)), truncated},
      {18, "array_bytes_wrap", overwrite(at::array, u32(10).u64((1ull << 61) + 1)), truncated},
      {19, "element_type_13", overwrite(at::array, u32(13)), value_type},
      {20, "nested_arrays", detail::nested_arrays(), depth},
      {21, "bool_2", overwrite(at::bool_value, u8(2)), boolean},
      {22, "alignment_0", overwrite(at::alignment, u32(0)), alignment},
      {23, "alignment_13", overwrite(at::alignment, u32(13)), alignment},
      {24, "alignment_2_31", overwrite(at::alignment, u32(1u << 31)), alignment},
      {25, "alignment_is_i32", overwrite(at::alignment_type, u32(5)), key_type},
      {26, "name_of_65", splice(at::tensor_a, at::dims_a, FileBytes().string(std::string(65, 'n'))), name},
      {27, "duplicate_tensor", overwrite(at::name_b, text("a")), duplicate_tensor},
      {28, "dims_5", overwrite(at::dims_a, u32(5)), dimensions},
      {29, "negative_extent", overwrite(at::shape_a, u64(UINT64_MAX - 31)), dimension},
      {30, "elements_wrap", one_tensor_gguf(0, {4'194'305, 4'194'305, 211'106'198'978'564}), overflow},
      {31, "bytes_wrap", one_tensor_gguf(27, {1ull << 31, (1ull << 31) - 1}), overflow},
      {32, "tensor_type_4", overwrite(at::type_a, u32(4)), tensor_type},
      {33, "part_of_a_block", overwrite(at::shape_a, u64(33)), block},
      {34, "unaligned_offset", overwrite(at::offset_b, u64(97)), offset},
      {35, "offset_wraps", overwrite(at::offset_b, u64(UINT64_MAX - 31)), bounds},
      {36, "overlap", overwrite(at::offset_b, u64(64)), overlap},
      {37, "cut_data", base.substr(0, 360), bounds},
      {38, "padding_wraps", detail::wrapping_padding(), bounds},
      {39, "zero_extent", overwrite(at::shape_a + 8, u64(0)), std::nullopt},
      {40, "trailing_bytes", base + std::string(4096, '\0'), std::nullopt},
  };
}

}  // namespace linnet::tests
