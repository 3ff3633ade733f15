// ops/float_values.hpp - values of any tensor type as floats, a vector at a time where the type is a plain
// one. Never computes a product.
#pragma once

#include <linnet/quant/floats.hpp>

#include "vector.hpp"

namespace linnet::kernels {

/// The types whose blocks are single numbers: they can be multiplied where they lie.
template <class Format>
inline constexpr bool is_plain = Format::block_length == 1;

/// A vector of values of a plain type.
template <class Isa, class Format>
LINNET_ALWAYS_INLINE typename Isa::Vector load_plain(const std::byte* from) {
  using V = typename Isa::Vector;
  if constexpr (Format::dtype == DType::f32) {
    return V::load_unaligned(reinterpret_cast<const float*>(from));
  } else if constexpr (Format::dtype == DType::f16 && requires { Isa::load_halves(from); }) {
    return Isa::load_halves(from);
  } else if constexpr (Format::dtype == DType::bf16 && requires { Isa::load_words(from); }) {
    return Isa::as_float(Isa::template shift<16>(Isa::load_words(from)));
  } else {
    float values[V::size];
    for (std::size_t i = 0; i < V::size; ++i)
      Format::dequantize(reinterpret_cast<const typename Format::Block*>(from)[i], values + i);
    return V::load_unaligned(values);
  }
}

/// min(left, V::size) of them; the other lanes are zero.
template <class Isa, class Format>
LINNET_ALWAYS_INLINE typename Isa::Vector load_plain(const std::byte* from, std::int64_t left) {
  using V = typename Isa::Vector;
  if (left >= static_cast<std::int64_t>(V::size)) return load_plain<Isa, Format>(from);
  typename Format::Block blocks[V::size] = {};
  for (std::int64_t i = 0; i < left; ++i)
    blocks[i] = reinterpret_cast<const typename Format::Block*>(from)[i];
  return load_plain<Isa, Format>(reinterpret_cast<const std::byte*>(blocks));
}

/// Unpacks `cols` columns from `col` on of one row.
template <class Isa, class Format>
LINNET_ALWAYS_INLINE void unpack(const std::byte* row, std::int64_t col, std::int64_t cols, float* values) {
  const auto* block = reinterpret_cast<const typename Format::Block*>(row) + col / Format::block_length;
  if constexpr (is_plain<Format>) {
    for (std::int64_t i = 0; i < cols; i += static_cast<std::int64_t>(Isa::Vector::size))
      store(load_plain<Isa, Format>(reinterpret_cast<const std::byte*>(block + i), cols - i), values + i,
            cols - i);
  } else {
    for (std::int64_t i = 0; i < cols; i += Format::block_length) Format::dequantize(*block++, values + i);
  }
}

}  // namespace linnet::kernels
