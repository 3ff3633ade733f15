// quant/round.hpp - rounding and scales that are safe for any float. Never branches on a value.
#pragma once

#include <bit>
#include <cstdint>

#include <linnet/base/half.hpp>

namespace linnet::quant {

/// The integer nearest to `value` in [lowest, highest], ties to even; NaN gives `lowest`. Bounds are whole
/// numbers of magnitude below 2^22.
LINNET_ALWAYS_INLINE int round_to_int(float value, float lowest, float highest) noexcept {
  // The first comparison is false for NaN. 1.5 * 2^23 pushes the fraction off the end of the mantissa.
  constexpr float shifter = 12582912.0f;
  float bounded = value > lowest ? value : lowest;
  bounded = bounded < highest ? bounded : highest;
  return static_cast<int>((bounded + shifter) - shifter);
}

/// The largest |x[i]|, which may be infinite; NaN are passed over. n is a multiple of 8.
LINNET_ALWAYS_INLINE float largest_magnitude(const float* x, int n) noexcept {
  float lane[8] = {};
  for (int i = 0; i < n; i += 8)
    for (int j = 0; j < 8; ++j) {
      const float magnitude = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x[i + j]) & 0x7fffffffu);
      lane[j] = magnitude > lane[j] ? magnitude : lane[j];
    }
  float largest = 0;
  for (float value : lane) largest = value > largest ? value : largest;
  return largest;
}

/// The nearest half, the largest finite one for what is beyond it.
LINNET_ALWAYS_INLINE Half to_finite_half(float value) noexcept {
  constexpr float limit = 65504.0f;
  value = value < limit ? value : limit;
  return to_half(value > -limit ? value : -limit);
}

/// A scale as it is stored: the nearest finite half, but zero for zero alone, since the levels of a small
/// scale that is too large still say more than nothing.
LINNET_ALWAYS_INLINE Half to_scale(float scale) noexcept {
  const Half out = to_finite_half(scale);
  const bool vanished = scale != 0 && (out.bits & 0x7fff) == 0;
  return {static_cast<std::uint16_t>(out.bits + vanished)};
}

/// The next finite half away from zero, so that a multiple of it up to a fixed one reaches as far as that of
/// `scale`.
LINNET_ALWAYS_INLINE Half to_scale_above(float scale) noexcept {
  const Half out = to_scale(scale);
  const float stored = to_float(out);
  const bool is_below = stored < 0 ? stored > scale : stored < scale;
  return {static_cast<std::uint16_t>(out.bits + (is_below && (out.bits & 0x7fff) != 0x7bff))};
}

/// 1 / scale, and 0 for 0.
LINNET_ALWAYS_INLINE float invert(float scale) noexcept { return scale != 0 ? 1 / scale : 0; }

}  // namespace linnet::quant
