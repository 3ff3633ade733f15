// quant/row_functions.hpp - rows of every format as functions of one object file. Never chooses among files.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include <linnet/quant/formats.hpp>

namespace linnet::quant::detail {

template <class F>
LINNET_ALWAYS_INLINE void dequantize_blocks(const std::byte* blocks, std::span<float> out) noexcept {
  typename F::Block block;
  for (std::size_t i = 0; i < out.size(); i += F::block_length) {
    std::memcpy(&block, blocks + i / F::block_length * sizeof block, sizeof block);
    F::dequantize(block, out.data() + i);
  }
}

template <class F>
LINNET_ALWAYS_INLINE void quantize_blocks(std::span<const float> values, const float* weights,
                                          std::byte* blocks) noexcept {
  typename F::Block block;
  for (std::size_t i = 0; i < values.size(); i += F::block_length) {
    if constexpr (WeightedFormat<F>) {
      F::quantize(values.data() + i, block, weights ? weights + i : nullptr);
    } else {
      F::quantize(values.data() + i, block);
    }
    std::memcpy(blocks + i / F::block_length * sizeof block, &block, sizeof block);
  }
}

/// Whole blocks of a type to floats and back, as compiled for one instruction set; false for a type that is
/// not in Formats. Each gives the same bits in all.
struct RowFunctions {
  bool (*dequantize)(DType type, const std::byte* blocks, std::span<float> out) noexcept;
  bool (*quantize)(DType type, std::span<const float> values, const float* weights,
                   std::byte* blocks) noexcept;
};

/// @tparam Own  a type of the object's own, so that no other takes these functions for its own.
template <class Own>
struct RowFunctionsOf {
  static bool dequantize(DType type, const std::byte* blocks, std::span<float> out) noexcept {
    return with_format(type, [&]<class F>() { dequantize_blocks<F>(blocks, out); });
  }

  static bool quantize(DType type, std::span<const float> values, const float* weights,
                       std::byte* blocks) noexcept {
    return with_format(type, [&]<class F>() { quantize_blocks<F>(values, weights, blocks); });
  }

  static constexpr RowFunctions all = {dequantize, quantize};
};

}  // namespace linnet::quant::detail
