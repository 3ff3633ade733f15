// quant/k_scales.hpp - the eight scales and minima of six bits that Q4_K and Q5_K share. Never touches the
// levels.
#pragma once

#include <cstdint>

#include <linnet/base/config.hpp>

namespace linnet::quant {

/// The scales and minima of the eight groups of a block, 0-63 each.
struct KScales {
  std::uint8_t scale[8];
  std::uint8_t min[8];
};

/// Bytes 0-3 hold scales 0-3 and bytes 4-7 minima 0-3 in their low six bits; bytes 8-11 hold the low four
/// bits of scales 4-7 (low half) and minima 4-7 (high half), whose upper two bits are the top of bytes 0-3
/// and 4-7. Source: GGUF specification.
LINNET_ALWAYS_INLINE KScales unpack_k_scales(const std::uint8_t (&bytes)[12]) noexcept {
  KScales out;
  for (int i = 0; i < 4; ++i) {
    out.scale[i] = bytes[i] & 63;
    out.min[i] = bytes[i + 4] & 63;
    out.scale[i + 4] = static_cast<std::uint8_t>((bytes[i + 8] & 15) | (bytes[i] >> 6 << 4));
    out.min[i + 4] = static_cast<std::uint8_t>((bytes[i + 8] >> 4) | (bytes[i + 4] >> 6 << 4));
  }
  return out;
}

/// The inverse of unpack_k_scales for the first eight of `scale` and `min`, each at most 63.
LINNET_ALWAYS_INLINE void pack_k_scales(const std::uint8_t* scale, const std::uint8_t* min,
                                        std::uint8_t (&bytes)[12]) noexcept {
  for (int i = 0; i < 4; ++i) {
    bytes[i] = static_cast<std::uint8_t>(scale[i] | scale[i + 4] >> 4 << 6);
    bytes[i + 4] = static_cast<std::uint8_t>(min[i] | min[i + 4] >> 4 << 6);
    bytes[i + 8] = static_cast<std::uint8_t>((scale[i + 4] & 15) | (min[i + 4] & 15) << 4);
  }
}

}  // namespace linnet::quant
