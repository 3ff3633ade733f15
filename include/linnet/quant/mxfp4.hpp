// quant/mxfp4.hpp - the tensor type MXFP4: 32 four-bit floats and a power of two. 4.25 bits per weight.
#pragma once

#include <bit>

#include <linnet/base/dtype.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/nibble_table.hpp>
#include <linnet/quant/parts.hpp>

namespace linnet::quant {

/// y = 2^(e - 128) * table[q] with the doubled values of E2M1. The low halves of the bytes hold elements
/// 0-15, the high halves 16-31. Source: OCP Microscaling Formats specification 1.0; GGUF specification.
/// Unlike OCP, e = 255 is a number like the others.
struct MXFP4 {
  static constexpr DType dtype = DType::mxfp4;
  static constexpr int block_length = 32;
  struct Block {
    std::uint8_t e;
    std::uint8_t qs[16];
  };

  /// 2^(e - 128); the first two are subnormal.
  LINNET_ALWAYS_INLINE static float scale(std::uint8_t e) noexcept {
    return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1u) << 23);
  }

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    dequantize_nibbles(e2m1_table(), scale(block.e), block.qs, y);
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block,
                                            const float* weights = nullptr) noexcept {
    std::uint8_t level[32];
    block.e = fit_exponent(x, weights, 32, level);
    for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<std::uint8_t>(level[i] | level[i + 16] << 4);
  }

  LINNET_ALWAYS_INLINE static constexpr NibbleTable table() noexcept { return e2m1_table(); }
  static constexpr Packing packing = {
      .fields = GroupFields::exponent, .has_table = true, .table_bias = 16};  // of -12 to 12

  LINNET_ALWAYS_INLINE static void split(const Block& block, Parts& parts) noexcept {
    parts.scale[0] = block.e;
    split_nibbles(block.qs, parts.level);
  }
};

}  // namespace linnet::quant
