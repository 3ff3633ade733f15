// quant/q4_1.hpp - the tensor type Q4_1: 32 four-bit levels, a scale and an offset. 5 bits per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * q + m. The low halves of the bytes hold elements 0-15, the high halves 16-31.
/// Source: GGUF specification.
struct Q4_1 {
  static constexpr DType dtype = DType::q4_1;
  static constexpr int block_length = 32;
  struct Block {
    Half d, m;
    std::uint8_t qs[16];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    const float d = to_float(block.d);
    const float m = to_float(block.m);
    for (int i = 0; i < 16; ++i) {
      y[i] = d * static_cast<float>(block.qs[i] & 15) + m;
      y[i + 16] = d * static_cast<float>(block.qs[i] >> 4) + m;
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    std::uint8_t level[32];
    const Affine fit = fit_affine(x, weights, 32, 15, level);
    block.d = fit.d;
    block.m = fit.m;
    for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<std::uint8_t>(level[i] | level[i + 16] << 4);
  }

  static constexpr Packing packing = {.has_min = true, .min_sign = -1};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    parts.dmin = block.m;
    split_nibbles(block.qs, parts.level);
  }
};

}  // namespace linnet::quant
