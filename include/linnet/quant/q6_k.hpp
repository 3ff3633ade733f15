// quant/q6_k.hpp - the tensor type Q6_K: 16 groups of 16 six-bit levels around zero. 6.5625 bits per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>
#include <linnet/quant/two_bits.hpp>

namespace linnet::quant {

/// y = d * scales[g] * (q - 32), with g = i / 16. Of each half (128 elements), 64 bytes of ql hold the low
/// four bits, elements 0-63 in the low halves of the bytes and 64-127 in the high halves; qh holds the upper
/// two bits as two_bits.hpp says. Source: GGUF specification.
struct Q6_K {
  static constexpr DType dtype = DType::q6_k;
  static constexpr int block_length = 256;
  struct Block {
    std::uint8_t ql[128];
    std::uint8_t qh[64];
    std::int8_t scales[16];
    Half d;
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    for (int g = 0; g < 16; ++g) {
      const float d = to_float(block.d) * block.scales[g];
      const std::uint8_t* low = block.ql + low_offset(g);
      const std::uint8_t* high = block.qh + two_bits_offset(g);
      for (int i = 0; i < 16; ++i) {
        const int q = ((low[i] >> low_shift(g)) & 15) | ((high[i] >> two_bits_shift(g)) & 3) << 4;
        y[16 * g + i] = d * static_cast<float>(q - 32);
      }
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    ScaledGroups fit;
    fit_groups(x, weights, -32, 31, 128, fit);
    block = {};
    block.d = fit.d;
    for (int g = 0; g < 16; ++g) {
      block.scales[g] = fit.scale[g];
      for (int i = 0; i < 16; ++i) {
        const int level = fit.level[16 * g + i];
        block.ql[low_offset(g) + i] |= static_cast<std::uint8_t>((level & 15) << low_shift(g));
        block.qh[two_bits_offset(g) + i] |= static_cast<std::uint8_t>((level >> 4) << two_bits_shift(g));
      }
    }
  }

  static constexpr Packing packing = {
      .high_bits = 2, .group_length = 16, .fields = GroupFields::bytes, .level_bias = 32, .scale_bias = 128};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    for (int g = 0; g < 16; ++g) parts.scale[g] = static_cast<std::uint8_t>(block.scales[g] + 128);
    for (int half = 0; half < 2; ++half)
      for (int part = 0; part < 4; ++part)
        for (int i = 0; i < 32; ++i) {
          const int low = (block.ql[64 * half + 32 * (part % 2) + i] >> 4 * (part / 2)) & 15;
          const int high = (block.qh[32 * half + i] >> 2 * part) & 3;
          parts.level[128 * half + 32 * part + i] = static_cast<std::uint8_t>(low | high << 4);
        }
  }

 private:
  LINNET_ALWAYS_INLINE static constexpr int low_offset(int g) noexcept { return g / 8 * 64 + g % 4 * 16; }
  LINNET_ALWAYS_INLINE static constexpr int low_shift(int g) noexcept { return g % 8 / 4 * 4; }
};

}  // namespace linnet::quant
