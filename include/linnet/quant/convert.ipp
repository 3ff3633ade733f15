// quant/convert.ipp - the bodies of convert.hpp. Never reads or writes a part of a block.
#pragma once

#include <cstring>

#include <linnet/base/cpu.hpp>
#include <linnet/base/error.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>
#include <linnet/quant/row_functions.hpp>

namespace linnet::quant {
namespace detail {

inline void require_whole_blocks(DType type, std::size_t elements) {
  const std::size_t length = static_cast<std::size_t>(info(type).block_length);
  if (elements % length != 0)
    fail(ErrorCode::invalid_argument, "a row of type ", to_string(type), " has blocks of ", length,
         " elements, but ", elements, " elements are asked for");
}

[[noreturn]] inline void fail_unsupported(DType type, std::string_view what) {
  fail(ErrorCode::unsupported, "tensor type ", to_string(type), " cannot be ", what,
       ": requantize the model to one of ", computable_names());
}

/// Reads plain values of type T, at any address.
template <class T>
void read_values(const std::byte* data, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

/// Reads a type that holds data, never a matrix to compute with; false for the others.
inline bool read_data(DType type, const std::byte* data, std::span<float> out) noexcept {
  switch (type) {
    case DType::i8:
      read_values<std::int8_t>(data, out);
      return true;
    case DType::i16:
      read_values<std::int16_t>(data, out);
      return true;
    case DType::i32:
      read_values<std::int32_t>(data, out);
      return true;
    case DType::i64:
      read_values<std::int64_t>(data, out);
      return true;
    case DType::f64:
      read_values<double>(data, out);
      return true;
    default:
      return false;
  }
}

struct RowsOfTheLibrary {};

#if defined(__x86_64__) && !defined(LINNET_HEADER_ONLY)
extern const RowFunctions avx2_rows;  // src/quant/avx2.cpp

inline const RowFunctions& row_functions() noexcept {
  static const RowFunctions& chosen = cpu_features().avx2 ? avx2_rows : RowFunctionsOf<RowsOfTheLibrary>::all;
  return chosen;
}
#else
LINNET_ALWAYS_INLINE RowFunctions row_functions() noexcept { return RowFunctionsOf<RowsOfTheLibrary>::all; }
#endif

}  // namespace detail

LINNET_INLINE void dequantize(DType type, const std::byte* blocks, std::span<float> out) {
  detail::require_whole_blocks(type, out.size());
  const bool known = detail::row_functions().dequantize(type, blocks, out);
  if (!known && !detail::read_data(type, blocks, out)) detail::fail_unsupported(type, "read");
}

LINNET_INLINE void quantize(DType type, std::span<const float> values, std::byte* blocks,
                            std::span<const float> weights) {
  detail::require_whole_blocks(type, values.size());
  if (!weights.empty() && weights.size() != values.size())
    fail(ErrorCode::invalid_argument, "quantize: expected ", values.size(), " weights or none, got ",
         weights.size());
  const float* const w = weights.empty() ? nullptr : weights.data();
  if (!detail::row_functions().quantize(type, values, w, blocks)) detail::fail_unsupported(type, "written");
}

LINNET_INLINE std::string computable_names() {
  std::string out;
  for_each_format([&]<class F>() { out += concat(out.empty() ? "" : ", ", to_string(F::dtype)); });
  return out;
}

}  // namespace linnet::quant
