// quant/q5_1.hpp - the tensor type Q5_1: 32 five-bit levels, a scale and an offset. 6 bits per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fifth_bits.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * q + m. The low halves of qs hold the low four bits of elements 0-15, the high halves those of
/// 16-31; qh holds the fifth bits as fifth_bits.hpp says. Source: GGUF specification.
struct Q5_1 {
  static constexpr DType dtype = DType::q5_1;
  static constexpr int block_length = 32;
  struct Block {
    Half d, m;
    std::uint8_t qh[4];
    std::uint8_t qs[16];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    const float d = to_float(block.d);
    const float m = to_float(block.m);
    const std::uint32_t fifth = load_fifth_bits(block.qh);
    for (int i = 0; i < 16; ++i) {
      y[i] = d * static_cast<float>((block.qs[i] & 15) | fifth_bit(fifth, i)) + m;
      y[i + 16] = d * static_cast<float>((block.qs[i] >> 4) | fifth_bit(fifth, i + 16)) + m;
    }
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    std::uint8_t level[32];
    const Affine fit = fit_affine(x, weights, 32, 31, level);
    block.d = fit.d;
    block.m = fit.m;
    store_fifth_bits(level, block.qh);
    for (int i = 0; i < 16; ++i)
      block.qs[i] = static_cast<std::uint8_t>((level[i] & 15) | (level[i + 16] & 15) << 4);
  }

  static constexpr Packing packing = {.high_bits = 1, .has_min = true, .min_sign = -1};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    parts.dmin = block.m;
    split_nibbles(block.qs, parts.level);
    add_fifth_bits(block.qh, parts.level);
  }
};

}  // namespace linnet::quant
