// quant/floats.hpp - the unquantized types F32, F16 and BF16 as blocks of one element. Never rounds on
// reading.
#pragma once

#include <linnet/base/dtype.hpp>
#include <linnet/base/half.hpp>

namespace linnet::quant {

/// IEEE 754 binary32. Source of this and the next two: GGUF specification.
struct F32 {
  static constexpr DType dtype = DType::f32;
  static constexpr int block_length = 1;
  struct Block {
    float value;
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    *y = block.value;
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block) noexcept { block.value = *x; }
};

/// IEEE 754 binary16. Values beyond 65504 become infinite.
struct F16 {
  static constexpr DType dtype = DType::f16;
  static constexpr int block_length = 1;
  struct Block {
    Half value;
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    *y = to_float(block.value);
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block) noexcept {
    block.value = to_half(*x);
  }
};

/// The upper 16 bits of an IEEE 754 binary32.
struct BF16 {
  static constexpr DType dtype = DType::bf16;
  static constexpr int block_length = 1;
  struct Block {
    BFloat16 value;
  };

  LINNET_ALWAYS_INLINE static void dequantize(const Block& block, float* __restrict y) noexcept {
    *y = to_float(block.value);
  }

  LINNET_ALWAYS_INLINE static void quantize(const float* x, Block& block) noexcept {
    block.value = to_bfloat16(*x);
  }
};

}  // namespace linnet::quant
