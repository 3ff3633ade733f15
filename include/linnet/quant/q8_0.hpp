// quant/q8_0.hpp - the tensor type Q8_0: 32 signed bytes and a scale. 8.5 bits per weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/parts.hpp>
#include <linnet/quant/round.hpp>

namespace linnet::quant {

/// y = d * q. Source: GGUF specification.
struct Q8_0 {
  static constexpr DType dtype = DType::q8_0;
  static constexpr int block_length = 32;
  struct Block {
    Half d;
    std::int8_t qs[32];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    const float d = to_float(block.d);
    for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(block.qs[i]);
  }

  /// The largest magnitude becomes 127: with this many levels a search gains nothing, and the cache of keys
  /// and values is quantized on every token. Never writes -128, whose negation is no signed byte.
  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block) noexcept {
    block.d = to_scale(largest_magnitude(x, 32) / 127.0f);
    const float inverse = invert(to_float(block.d));
    for (int i = 0; i < 32; ++i) {
      const float value = x[i] == x[i] ? x[i] : 0.0f;  // NaN counts as 0
      block.qs[i] = static_cast<std::int8_t>(round_to_int(value * inverse, -127.0f, 127.0f));
    }
  }

  static constexpr Packing packing = {.low_bits = 8, .is_signed = true};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    for (int i = 0; i < 32; ++i) parts.level[i] = static_cast<std::uint8_t>(block.qs[i]);
  }
};

}  // namespace linnet::quant
