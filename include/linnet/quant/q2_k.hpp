// quant/q2_k.hpp - the tensor type Q2_K: 16 groups of 16 two-bit levels with scale and minimum. 2.625 bits
// per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>
#include <linnet/quant/two_bits.hpp>

namespace linnet::quant {

/// y = d * scale[g] * q - dmin * min[g], with g = i / 16. A byte of scales holds a group's scale in its low
/// half and the minimum in its high half; qs holds the levels as two_bits.hpp says. Source: GGUF
/// specification.
struct Q2_K {
  static constexpr DType dtype = DType::q2_k;
  static constexpr int block_length = 256;
  struct Block {
    std::uint8_t scales[16];
    std::uint8_t qs[64];
    Half d, dmin;
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    for (int g = 0; g < 16; ++g) {
      const float d = to_float(block.d) * static_cast<float>(block.scales[g] & 15);
      const float m = to_float(block.dmin) * static_cast<float>(block.scales[g] >> 4);
      const std::uint8_t* qs = block.qs + two_bits_offset(g);
      for (int i = 0; i < 16; ++i)
        y[16 * g + i] = d * static_cast<float>((qs[i] >> two_bits_shift(g)) & 3) - m;
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    AffineGroups fit;
    fit_groups(x, weights, 16, 3, 15, fit);
    block = {};
    block.d = fit.d;
    block.dmin = fit.dmin;
    for (int g = 0; g < 16; ++g) {
      block.scales[g] = static_cast<std::uint8_t>(fit.scale[g] | fit.min[g] << 4);
      std::uint8_t* qs = block.qs + two_bits_offset(g);
      for (int i = 0; i < 16; ++i)
        qs[i] |= static_cast<std::uint8_t>(fit.level[16 * g + i] << two_bits_shift(g));
    }
  }

  static constexpr Packing packing = {
      .low_bits = 2, .group_length = 16, .fields = GroupFields::nibble_pairs, .has_min = true};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    parts.dmin = block.dmin;
    for (int g = 0; g < 16; ++g) {
      parts.scale[g] = block.scales[g] & 15;
      parts.min[g] = block.scales[g] >> 4;
    }
    for (int half = 0; half < 2; ++half)
      for (int part = 0; part < 4; ++part)
        for (int i = 0; i < 32; ++i)
          parts.level[128 * half + 32 * part + i] =
              static_cast<std::uint8_t>((block.qs[32 * half + i] >> 2 * part) & 3);
  }
};

}  // namespace linnet::quant
