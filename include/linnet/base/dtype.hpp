// base/dtype.hpp - names, block lengths and bytes of the tensor types of GGUF. Never looks into a block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace linnet {

/// A tensor type; the values are those of the GGUF file format. Which of them the library computes with is
/// said by quant/formats.hpp; the others are known here so that a file that holds them can be listed and
/// refused by name.
enum class DType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q8_1 = 9,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  q8_k = 15,
  iq2_xxs = 16,
  iq2_xs = 17,
  iq3_xxs = 18,
  iq1_s = 19,
  iq4_nl = 20,
  iq3_s = 21,
  iq2_s = 22,
  iq4_xs = 23,
  i8 = 24,
  i16 = 25,
  i32 = 26,
  i64 = 27,
  f64 = 28,
  iq1_m = 29,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  mxfp4 = 39,
  nvfp4 = 40,
};

/// One more than the largest value of DType: the length of a table indexed by it.
inline constexpr std::size_t dtype_count = 41;

struct DTypeInfo {
  DType type;
  std::string_view name;  // as GGUF tools write it: "Q4_K"
  int block_length;       // elements in a block
  int block_bytes;        // bytes of a block
};

/// Every type, by rising value. Source: the GGUF specification's list of ggml types.
inline constexpr DTypeInfo dtype_table[] = {
    {DType::f32, "F32", 1, 4},
    {DType::f16, "F16", 1, 2},
    {DType::q4_0, "Q4_0", 32, 18},
    {DType::q4_1, "Q4_1", 32, 20},
    {DType::q5_0, "Q5_0", 32, 22},
    {DType::q5_1, "Q5_1", 32, 24},
    {DType::q8_0, "Q8_0", 32, 34},
    {DType::q8_1, "Q8_1", 32, 36},
    {DType::q2_k, "Q2_K", 256, 84},
    {DType::q3_k, "Q3_K", 256, 110},
    {DType::q4_k, "Q4_K", 256, 144},
    {DType::q5_k, "Q5_K", 256, 176},
    {DType::q6_k, "Q6_K", 256, 210},
    {DType::q8_k, "Q8_K", 256, 292},
    {DType::iq2_xxs, "IQ2_XXS", 256, 66},
    {DType::iq2_xs, "IQ2_XS", 256, 74},
    {DType::iq3_xxs, "IQ3_XXS", 256, 98},
    {DType::iq1_s, "IQ1_S", 256, 50},
    {DType::iq4_nl, "IQ4_NL", 32, 18},
    {DType::iq3_s, "IQ3_S", 256, 110},
    {DType::iq2_s, "IQ2_S", 256, 82},
    {DType::iq4_xs, "IQ4_XS", 256, 136},
    {DType::i8, "I8", 1, 1},
    {DType::i16, "I16", 1, 2},
    {DType::i32, "I32", 1, 4},
    {DType::i64, "I64", 1, 8},
    {DType::f64, "F64", 1, 8},
    {DType::iq1_m, "IQ1_M", 256, 56},
    {DType::bf16, "BF16", 1, 2},
    {DType::tq1_0, "TQ1_0", 256, 54},
    {DType::tq2_0, "TQ2_0", 256, 66},
    {DType::mxfp4, "MXFP4", 32, 17},
    {DType::nvfp4, "NVFP4", 64, 36},
};

/// What is known of the type with this value in a file, or nothing.
constexpr const DTypeInfo* find_dtype(std::uint32_t value) noexcept {
  for (const DTypeInfo& info : dtype_table)
    if (static_cast<std::uint32_t>(info.type) == value) return &info;
  return nullptr;
}

/// The row of a type. Every enumerator has one.
constexpr const DTypeInfo& info(DType type) noexcept { return *find_dtype(static_cast<std::uint32_t>(type)); }

constexpr std::string_view to_string(DType type) noexcept { return info(type).name; }

/// The type with this name, in upper or lower case ("q4_k", "Q4_K"), or nothing.
constexpr std::optional<DType> parse_dtype(std::string_view name) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (const DTypeInfo& row : dtype_table)
    if (std::equal(name.begin(), name.end(), row.name.begin(), row.name.end(),
                   [&](char a, char b) { return lower(a) == lower(b); }))
      return row.type;
  return std::nullopt;
}

/// Bytes of `elements` values. @pre elements is a multiple of the block length and the product fits.
constexpr std::int64_t byte_size(DType type, std::int64_t elements) noexcept {
  return elements / info(type).block_length * info(type).block_bytes;
}

}  // namespace linnet
