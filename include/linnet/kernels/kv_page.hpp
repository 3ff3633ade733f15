// kernels/kv_page.hpp - where the keys and values of one head lie in a page of the cache. Never computes with
// them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <linnet/base/config.hpp>
#include <linnet/base/dtype.hpp>

namespace linnet::kernels {

/// Positions in a page.
inline constexpr std::int64_t page_length = 32;

/// The types that a cache can have.
constexpr bool is_cache_type(DType type) noexcept {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 || type == DType::q8_0;
}

/// Values of a head's row in a page: head_dim, rounded up to whole blocks.
constexpr std::int64_t page_row_length(DType type, std::int64_t head_dim) noexcept {
  const std::int64_t block = info(type).block_length;
  return (head_dim + block - 1) / block * block;
}

// Keys lie across: the page_length keys' values at index 0, then those at index 1, ..., so that scores of
// neighbouring positions fill a register without a sum across it. For q8_0 the bytes lie so, and after them
// the scales, likewise by block. Values lie row by row. Both take page_length * byte_size(type,
// page_row_length) bytes.

/// Writes the key [head_dim] of one position. `slot` is the position within the page.
void store_key(DType type, const float* key, std::int64_t head_dim, std::byte* keys, std::int64_t slot);

/// Writes the value [head_dim] of one position.
void store_value(DType type, const float* value, std::int64_t head_dim, std::byte* values, std::int64_t slot);

}  // namespace linnet::kernels

#ifdef LINNET_HEADER_ONLY
#include <linnet/kernels/kv_page.ipp>
#endif
