// quant/q4_0.hpp - the tensor type Q4_0: 32 four-bit levels around zero and a scale. 4.5 bits per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * (q - 8). The low halves of the bytes hold elements 0-15, the high halves 16-31.
/// Source: GGUF specification.
struct Q4_0 {
  static constexpr DType dtype = DType::q4_0;
  static constexpr int block_length = 32;
  struct Block {
    Half d;
    std::uint8_t qs[16];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    const float d = to_float(block.d);
    for (int i = 0; i < 16; ++i) {
      y[i] = d * static_cast<float>((block.qs[i] & 15) - 8);
      y[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    std::uint8_t level[32];
    block.d = fit_scale(x, weights, 32, -8, 7, level);
    for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<std::uint8_t>(level[i] | level[i + 16] << 4);
  }

  static constexpr Packing packing = {.level_bias = 8};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    split_nibbles(block.qs, parts.level);
  }
};

}  // namespace linnet::quant
