// quant/nibble_table.hpp - the values that four bits stand for in IQ4_NL, IQ4_XS and MXFP4. Never scales
// them.
#pragma once

#include <cstdint>

#include <linnet/base/config.hpp>

namespace linnet::quant {

/// Sixteen bytes, laid out for a byte shuffle. A function returns it, since a table with a name of its own
/// would be a weak symbol in every object that uses it.
struct NibbleTable {
  std::int8_t value[16];
};

/// The rising values of IQ4_NL and IQ4_XS, denser around zero. Source: GGUF specification.
LINNET_ALWAYS_INLINE constexpr NibbleTable iq4_table() noexcept {
  return {{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}};
}

/// Twice the values of E2M1: a sign, two bits of exponent, one of mantissa. The zero with a sign reads as
/// plain zero. Source: OCP Microscaling Formats specification 1.0, section 5.3.3.
LINNET_ALWAYS_INLINE constexpr NibbleTable e2m1_table() noexcept {
  return {{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}};
}

/// y[0 .. 16) = d * value of the low halves of qs[0 .. 16), y[16 .. 32) = d * value of the high halves.
LINNET_ALWAYS_INLINE void dequantize_nibbles(const NibbleTable& table, float d, const std::uint8_t* qs,
                                             float* __restrict y) noexcept {
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(table.value[qs[i] & 15]);
    y[i + 16] = d * static_cast<float>(table.value[qs[i] >> 4]);
  }
}

}  // namespace linnet::quant
