// quant/iq4_nl.hpp - the tensor type IQ4_NL: 32 indexes into a table of 16 values and a scale. 4.5 bits per
// weight.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/nibble_table.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = d * table[q]. The low halves of the bytes hold elements 0-15, the high halves 16-31. Source: GGUF
/// specification.
struct IQ4_NL {
  static constexpr DType dtype = DType::iq4_nl;
  static constexpr int block_length = 32;
  struct Block {
    Half d;
    std::uint8_t qs[16];
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    dequantize_nibbles(iq4_table(), to_float(block.d), block.qs, y);
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    std::uint8_t level[32];
    block.d = fit_iq4(x, weights, 32, level);
    for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<std::uint8_t>(level[i] | level[i + 16] << 4);
  }

  LINNET_ALWAYS_INLINE static constexpr NibbleTable table() noexcept { return iq4_table(); }
  static constexpr Packing packing = {.is_signed = true, .has_table = true};

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.d = block.d;
    split_nibbles(block.qs, parts.level);
  }
};

}  // namespace linnet::quant
