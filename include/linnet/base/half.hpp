// base/half.hpp - float16 and bfloat16 as bits, and their exact conversions. Never does arithmetic in them.
#pragma once

#include <bit>
#include <cstdint>

#include <linnet/base/config.hpp>

namespace linnet {

/// IEEE 754 binary16, as it lies in a file.
struct Half {
  std::uint16_t bits;
};

/// The upper half of an IEEE 754 binary32.
struct BFloat16 {
  std::uint16_t bits;
};

/// Exact for every input, subnormals, infinities and NaN included. Two shifts, a select and a mask, no
/// branch: compilers vectorise it.
LINNET_ALWAYS_INLINE constexpr float to_float(Half h) noexcept {
  const std::uint32_t sign = std::uint32_t{h.bits & 0x8000u} << 16;
  const std::uint32_t magnitude = std::uint32_t{h.bits & 0x7fffu} << 13;
  // Rebias the exponent from 15 to 127; infinities and NaN take the largest exponent.
  const std::uint32_t normal =
      magnitude + ((127u - 15u) << 23) + (magnitude >= 0x0f800000u ? (127u - 15u) << 23 : 0);
  // A subnormal is mantissa * 2^-24: put it in the last places of 0.5 and subtract the 0.5.
  constexpr std::uint32_t half_of_one = 126u << 23;
  const float subnormal = std::bit_cast<float>(half_of_one | (magnitude >> 13)) - 0.5f;
  const std::uint32_t is_subnormal = 0u - static_cast<std::uint32_t>(magnitude < 0x00800000u);
  const std::uint32_t bits =
      (std::bit_cast<std::uint32_t>(subnormal) & is_subnormal) | (normal & ~is_subnormal);
  return std::bit_cast<float>(bits | sign);
}

LINNET_ALWAYS_INLINE constexpr float to_float(BFloat16 b) noexcept {
  return std::bit_cast<float>(std::uint32_t{b.bits} << 16);
}

/// Rounds to nearest, ties to even; overflow gives infinity, NaN stays NaN.
LINNET_ALWAYS_INLINE constexpr Half to_half(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t out = 0;
  if (magnitude > 0x7f800000u) {
    out = 0x7e00u | ((magnitude >> 13) & 0x3ffu);  // NaN, quiet
  } else if (magnitude >= 0x477ff000u) {
    out = 0x7c00u;  // rounds to 65536 or more
  } else if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 lines the mantissa up with the last places and rounds it, ties to even.
    out = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - (126u << 23);
  } else {
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    out = (magnitude - ((127u - 15u) << 23) + 0xfffu + odd) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | out)};
}

/// Rounds to nearest, ties to even; NaN stays NaN.
LINNET_ALWAYS_INLINE constexpr BFloat16 to_bfloat16(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace linnet
