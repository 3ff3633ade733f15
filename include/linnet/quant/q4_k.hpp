// quant/q4_k.hpp - the tensor type Q4_K: 8 groups of 32 four-bit levels with scale and minimum. 4.5 bits per
// weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/k_scales.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * scale[g] * q - dmin * min[g], with g = i / 32. Each 32 bytes hold two groups: the low halves an
/// even one, the high halves the odd one after it. Source: GGUF specification.
struct Q4_K {
  static constexpr DType dtype = DType::q4_k;
  static constexpr int block_length = 256;
  struct Block {
    Half d, dmin;
    std::uint8_t scales[12];
    std::uint8_t qs[128];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    const KScales k = unpack_k_scales(block.scales);
    for (int g = 0; g < 8; ++g) {
      const float d = to_float(block.d) * k.scale[g];
      const float m = to_float(block.dmin) * k.min[g];
      const std::uint8_t* qs = block.qs + g / 2 * 32;
      const int shift = g % 2 * 4;
      for (int i = 0; i < 32; ++i) y[32 * g + i] = d * static_cast<float>((qs[i] >> shift) & 15) - m;
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    AffineGroups fit;
    fit_groups(x, weights, 32, 15, 63, fit);
    block.d = fit.d;
    block.dmin = fit.dmin;
    pack_k_scales(fit.scale, fit.min, block.scales);
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint8_t* level = fit.level + 64 * pair;
      for (int i = 0; i < 32; ++i)
        block.qs[32 * pair + i] = static_cast<std::uint8_t>(level[i] | level[i + 32] << 4);
    }
  }

  static constexpr Packing packing = {.fields = GroupFields::six_pairs, .has_min = true};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    const KScales k = unpack_k_scales(block.scales);
    parts.d = block.d;
    parts.dmin = block.dmin;
    for (int g = 0; g < 8; ++g) parts.scale[g] = k.scale[g];
    for (int g = 0; g < 8; ++g) parts.min[g] = k.min[g];
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint8_t* qs = block.qs + 32 * pair;
      std::uint8_t* level = parts.level + 64 * pair;
      for (int i = 0; i < 32; ++i) level[i] = qs[i] & 15;
      for (int i = 0; i < 32; ++i) level[i + 32] = qs[i] >> 4;
    }
  }
};

}  // namespace linnet::quant
