// quant/fifth_bits.hpp - the four bytes in which Q5_0 and Q5_1 keep the fifth bit of 32 levels. Never touches
// the rest.
#pragma once

#include <cstdint>
#include <cstring>

#include <linnet/base/config.hpp>
#include <linnet/base/shuffle.hpp>

namespace linnet::quant {

/// The four bytes as one little-endian number, whose bit i belongs to element i. Source: GGUF specification.
LINNET_ALWAYS_INLINE std::uint32_t load_fifth_bits(const std::uint8_t (&qh)[4]) noexcept {
  return qh[0] | std::uint32_t{qh[1]} << 8 | std::uint32_t{qh[2]} << 16 | std::uint32_t{qh[3]} << 24;
}

/// 16 where the level of element i has its fifth bit set, else 0.
LINNET_ALWAYS_INLINE int fifth_bit(std::uint32_t fifth_bits, int i) noexcept {
  return static_cast<int>((fifth_bits >> i) & 1) << 4;
}

/// Adds 16 to those of 32 levels, all below 16, whose fifth bit is set.
LINNET_ALWAYS_INLINE void add_fifth_bits(const std::uint8_t (&qh)[4], std::uint8_t* level) noexcept {
  using Bytes = std::uint8_t __attribute__((vector_size(16)));  // of the compiler, for every instruction set
  using Words = std::uint32_t __attribute__((vector_size(16)));
  constexpr Bytes bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const Bytes all = reinterpret_cast<Bytes>(Words{load_fifth_bits(qh)});
  const Bytes low = shuffle<0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1>(all, all);
  const Bytes high = shuffle<2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3>(all, all);
  Bytes levels[2];
  std::memcpy(levels, level, sizeof levels);
  levels[0] |= ((low & bit) == bit) & 16;
  levels[1] |= ((high & bit) == bit) & 16;
  std::memcpy(level, levels, sizeof levels);
}

/// Writes the fifth bits of 32 levels.
LINNET_ALWAYS_INLINE void store_fifth_bits(const std::uint8_t* level, std::uint8_t (&qh)[4]) noexcept {
  for (int byte = 0; byte < 4; ++byte) {
    int bits = 0;
    for (int i = 0; i < 8; ++i) bits |= (level[8 * byte + i] >> 4) << i;
    qh[byte] = static_cast<std::uint8_t>(bits);
  }
}

}  // namespace linnet::quant
