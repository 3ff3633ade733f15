// quant/q3_k.hpp - the tensor type Q3_K: 16 groups of 16 three-bit levels around zero. 3.4375 bits per
// weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>
#include <linnet/quant/two_bits.hpp>

namespace linnet::quant {

/// y = d * (scale[g] - 32) * (q - 4), with g = i / 16. qs holds the low two bits of q as two_bits.hpp says;
/// bit i / 32 of hmask[i % 32] is its third. The scales have six bits: the low four of scales 0-7 and 8-15 in
/// the low and the high halves of bytes 0-7, the upper two of scale g in bits 2 * (g / 4) of byte 8 + g % 4.
/// Source: GGUF specification.
struct Q3_K {
  static constexpr DType dtype = DType::q3_k;
  static constexpr int block_length = 256;
  struct Block {
    std::uint8_t hmask[32];
    std::uint8_t qs[64];
    std::uint8_t scales[12];
    Half d;
  };

  /// The scale of group g, from -32 to 31.
  LINNET_ALWAYS_INLINE static int scale(const Block& block, int g) noexcept {
    const int low = (block.scales[g % 8] >> g / 8 * 4) & 15;
    const int high = (block.scales[8 + g % 4] >> g / 4 * 2) & 3;
    return (low | high << 4) - 32;
  }

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    for (int g = 0; g < 16; ++g) {
      const float d = to_float(block.d) * static_cast<float>(scale(block, g));
      const std::uint8_t* low = block.qs + two_bits_offset(g);
      const std::uint8_t* high = block.hmask + g % 2 * 16;
      for (int i = 0; i < 16; ++i) {
        const int q = ((low[i] >> two_bits_shift(g)) & 3) | ((high[i] >> g / 2) & 1) << 2;
        y[16 * g + i] = d * static_cast<float>(q - 4);
      }
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    ScaledGroups fit;
    fit_groups(x, weights, -4, 3, 32, fit);
    block = {};
    block.d = fit.d;
    for (int g = 0; g < 16; ++g) {
      const int stored = fit.scale[g] + 32;
      block.scales[g % 8] |= static_cast<std::uint8_t>((stored & 15) << g / 8 * 4);
      block.scales[8 + g % 4] |= static_cast<std::uint8_t>((stored >> 4) << g / 4 * 2);
      for (int i = 0; i < 16; ++i) {
        const int level = fit.level[16 * g + i];
        block.qs[two_bits_offset(g) + i] |= static_cast<std::uint8_t>((level & 3) << two_bits_shift(g));
        block.hmask[g % 2 * 16 + i] |= static_cast<std::uint8_t>((level >> 2) << g / 2);
      }
    }
  }

  static constexpr Packing packing = {.low_bits = 2,
                                      .high_bits = 1,
                                      .group_length = 16,
                                      .fields = GroupFields::six,
                                      .level_bias = 4,
                                      .scale_bias = 32};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    for (int g = 0; g < 8; ++g)
      parts.scale[g] = block.scales[g] & 15, parts.scale[g + 8] = block.scales[g] >> 4;
    for (int four = 0; four < 4; ++four)
      for (int i = 0; i < 4; ++i)
        parts.scale[4 * four + i] |= static_cast<std::uint8_t>(((block.scales[8 + i] >> 2 * four) & 3) << 4);
    for (int half = 0; half < 2; ++half)
      for (int part = 0; part < 4; ++part)
        for (int i = 0; i < 32; ++i) {
          const int low = (block.qs[32 * half + i] >> 2 * part) & 3;
          const int high = (block.hmask[i] >> (4 * half + part)) & 1;
          parts.level[128 * half + 32 * part + i] = static_cast<std::uint8_t>(low | high << 2);
        }
  }
};

}  // namespace linnet::quant
