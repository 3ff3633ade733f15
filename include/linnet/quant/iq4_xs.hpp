// quant/iq4_xs.hpp - the tensor type IQ4_XS: 8 groups of 32 indexes into the table of IQ4_NL. 4.25 bits per
// weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/nibble_table.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * (scale[g] - 32) * table[q], with g = i / 32. The scales have six bits: the low four in half g % 2
/// of byte g / 2 of scales_l, the upper two in bits 2 * g of scales_h. A group's 16 bytes hold elements 0-15
/// in their low halves, 16-31 in their high halves. Source: GGUF specification.
struct IQ4_XS {
  static constexpr DType dtype = DType::iq4_xs;
  static constexpr int block_length = 256;
  struct Block {
    Half d;
    std::uint16_t scales_h;
    std::uint8_t scales_l[4];
    std::uint8_t qs[128];
  };

  /// The scale of group g, from -32 to 31.
  LINNET_ALWAYS_INLINE static int scale(const Block& block, int g) noexcept {
    const int low = (block.scales_l[g / 2] >> g % 2 * 4) & 15;
    const int high = (block.scales_h >> 2 * g) & 3;
    return (low | high << 4) - 32;
  }

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    for (int g = 0; g < 8; ++g) {
      const float d = to_float(block.d) * static_cast<float>(scale(block, g));
      dequantize_nibbles(iq4_table(), d, block.qs + 16 * g, y + 32 * g);
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    ScaledGroups fit;
    fit_iq4_groups(x, weights, 32, fit);
    block = {};
    block.d = fit.d;
    for (int g = 0; g < 8; ++g) {
      const int stored = fit.scale[g] + 32;
      block.scales_l[g / 2] |= static_cast<std::uint8_t>((stored & 15) << g % 2 * 4);
      block.scales_h |= static_cast<std::uint16_t>((stored >> 4) << 2 * g);
      const std::uint8_t* level = fit.level + 32 * g;
      for (int i = 0; i < 16; ++i)
        block.qs[16 * g + i] = static_cast<std::uint8_t>(level[i] | level[i + 16] << 4);
    }
  }

  LINNET_ALWAYS_INLINE static constexpr NibbleTable table() noexcept { return iq4_table(); }
  static constexpr Packing packing = {
      .fields = GroupFields::six_of_eight, .scale_bias = 32, .is_signed = true, .has_table = true};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    for (int g = 0; g < 8; ++g) {
      parts.scale[g] = static_cast<std::uint8_t>(scale(block, g) + 32);
      split_nibbles(block.qs + 16 * g, parts.level + 32 * g);
    }
  }
};

}  // namespace linnet::quant
