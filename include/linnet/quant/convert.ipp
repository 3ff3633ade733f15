// quant/convert.ipp - the bodies of convert.hpp. Never reads or writes a part of a block.
#pragma once

#include <cstring>

#include <linnet/base/error.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::quant {
namespace detail {

inline void require_whole_blocks(DType type, std::size_t elements) {
  const std::size_t length = static_cast<std::size_t>(info(type).block_length);
  if (elements % length != 0)
    fail(ErrorCode::invalid_argument, "a row of type ", to_string(type), " has blocks of ", length,
         " elements, but ", elements, " elements are asked for");
}

[[noreturn]] inline void fail_unsupported(DType type, std::string_view what) {
  fail(ErrorCode::unsupported, "tensor type ", to_string(type), " cannot be ", what,
       ": requantize the model to one of ", computable_names());
}

/// Reads plain values of type T, at any address.
template <class T>
void read_values(const std::byte* data, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

/// Reads a type that holds data, never a matrix to compute with; false for the others.
inline bool read_data(DType type, const std::byte* data, std::span<float> out) noexcept {
  switch (type) {
    case DType::i8:
      read_values<std::int8_t>(data, out);
      return true;
    case DType::i16:
      read_values<std::int16_t>(data, out);
      return true;
    case DType::i32:
      read_values<std::int32_t>(data, out);
      return true;
    case DType::i64:
      read_values<std::int64_t>(data, out);
      return true;
    case DType::f64:
      read_values<double>(data, out);
      return true;
    default:
      return false;
  }
}

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

}  // namespace detail

LINNET_INLINE void dequantize(DType type, const std::byte* blocks, std::span<float> out) {
  detail::require_whole_blocks(type, out.size());
  const bool known = with_format(type, [&]<class F>() { detail::dequantize_blocks<F>(blocks, out); });
  if (!known && !detail::read_data(type, blocks, out)) detail::fail_unsupported(type, "read");
}

LINNET_INLINE void quantize(DType type, std::span<const float> values, std::byte* blocks,
                            std::span<const float> weights) {
  detail::require_whole_blocks(type, values.size());
  if (!weights.empty() && weights.size() != values.size())
    fail(ErrorCode::invalid_argument, "quantize: expected ", values.size(), " weights or none, got ",
         weights.size());
  const float* const w = weights.empty() ? nullptr : weights.data();
  const bool known = with_format(type, [&]<class F>() { detail::quantize_blocks<F>(values, w, blocks); });
  if (!known) detail::fail_unsupported(type, "written");
}

LINNET_INLINE std::string computable_names() {
  std::string out;
  for_each_format([&]<class F>() { out += concat(out.empty() ? "" : ", ", to_string(F::dtype)); });
  return out;
}

}  // namespace linnet::quant
