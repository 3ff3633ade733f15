// kernels/kv_page.ipp - the body of kv_page.hpp.
#pragma once

#include <algorithm>
#include <cstring>

#include <linnet/base/half.hpp>
#include <linnet/kernels/kv_page.hpp>
#include <linnet/quant/q8_0.hpp>

namespace linnet::kernels {
namespace detail {

/// Writes to[i * stride] = convert(values[i]).
template <class T, class Convert>
void scatter(const float* values, std::int64_t count, T* to, std::int64_t stride, Convert convert) {
  for (std::int64_t i = 0; i < count; ++i) to[i * stride] = convert(values[i]);
}

/// A row in one of the float types, from element `first` on, `stride` elements from one value to the next.
inline void scatter_floats(DType type, const float* values, std::int64_t count, std::byte* to,
                           std::int64_t stride, std::int64_t first) {
  if (type == DType::f16)
    return scatter(values, count, reinterpret_cast<Half*>(to) + first, stride,
                   [](float v) { return to_half(v); });
  if (type == DType::bf16)
    return scatter(values, count, reinterpret_cast<BFloat16*>(to) + first, stride,
                   [](float v) { return to_bfloat16(v); });
  scatter(values, count, reinterpret_cast<float*>(to) + first, stride, [](float v) { return v; });
}

/// The block of a row that starts at `first`, filled up with zeros.
inline quant::Q8_0::Block quantize_block(const float* row, std::int64_t head_dim, std::int64_t first) {
  float values[quant::Q8_0::block_length] = {};
  std::copy_n(row + first, std::min<std::int64_t>(quant::Q8_0::block_length, head_dim - first), values);
  quant::Q8_0::Block block;
  quant::Q8_0::quantize(values, block);
  return block;
}

}  // namespace detail

LINNET_INLINE void store_key(DType type, const float* key, std::int64_t head_dim, std::byte* keys,
                             std::int64_t slot) {
  if (type != DType::q8_0) return detail::scatter_floats(type, key, head_dim, keys, page_length, slot);
  const std::int64_t length = page_row_length(type, head_dim);
  auto* const bytes = reinterpret_cast<std::int8_t*>(keys);
  auto* const scales = reinterpret_cast<Half*>(keys + length * page_length);
  for (std::int64_t i = 0; i < length; i += quant::Q8_0::block_length) {
    const quant::Q8_0::Block block = detail::quantize_block(key, head_dim, i);
    for (std::int64_t j = 0; j < quant::Q8_0::block_length; ++j)
      bytes[(i + j) * page_length + slot] = block.qs[j];
    scales[i / quant::Q8_0::block_length * page_length + slot] = block.d;
  }
}

LINNET_INLINE void store_value(DType type, const float* value, std::int64_t head_dim, std::byte* values,
                               std::int64_t slot) {
  const std::int64_t length = page_row_length(type, head_dim);
  if (type != DType::q8_0) return detail::scatter_floats(type, value, head_dim, values, 1, slot * length);
  auto* const blocks =
      reinterpret_cast<quant::Q8_0::Block*>(values) + slot * (length / quant::Q8_0::block_length);
  for (std::int64_t i = 0; i < length; i += quant::Q8_0::block_length)
    blocks[i / quant::Q8_0::block_length] = detail::quantize_block(value, head_dim, i);
}

}  // namespace linnet::kernels
