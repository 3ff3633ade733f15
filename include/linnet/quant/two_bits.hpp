// quant/two_bits.hpp - where Q2_K, Q3_K and Q6_K keep the two-bit fields of 256 elements. Never reads them.
#pragma once

#include <linnet/base/config.hpp>

namespace linnet::quant {

// Each half of the elements (128) has 32 bytes; byte b of them holds elements b, b + 32, b + 64 and b + 96 of
// the half, from the low bits up. Source: GGUF specification.

/// The byte that holds the first of the 16 elements of group g; the others follow it.
LINNET_ALWAYS_INLINE constexpr int two_bits_offset(int g) noexcept { return g / 8 * 32 + g % 2 * 16; }

/// How far up in their bytes the fields of group g lie.
LINNET_ALWAYS_INLINE constexpr int two_bits_shift(int g) noexcept { return g % 8 / 2 * 2; }

}  // namespace linnet::quant
