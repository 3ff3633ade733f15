// quant/formats.hpp - the list of tensor types that the library computes with. Never looks into a block.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <linnet/quant/floats.hpp>
#include <linnet/quant/iq4_nl.hpp>
#include <linnet/quant/iq4_xs.hpp>
#include <linnet/quant/mxfp4.hpp>
#include <linnet/quant/parts.hpp>
#include <linnet/quant/q2_k.hpp>
#include <linnet/quant/q3_k.hpp>
#include <linnet/quant/q4_0.hpp>
#include <linnet/quant/q4_1.hpp>
#include <linnet/quant/q4_k.hpp>
#include <linnet/quant/q5_0.hpp>
#include <linnet/quant/q5_1.hpp>
#include <linnet/quant/q5_k.hpp>
#include <linnet/quant/q6_k.hpp>
#include <linnet/quant/q8_0.hpp>

namespace linnet::quant {

/// What a tensor type brings: a block with exactly the file's bytes, and the two ways between it and floats.
///   dequantize(block, y)  writes y[0 .. block_length); y does not overlap the block. Exact wherever the
///   scale is
///                         finite: a product of scale and level fits a float, so only an offset's sum is
///                         rounded.
///   quantize(x, block)    reads x[0 .. block_length), any values; deterministic. Not for hot loops, except
///   Q8_0. May take a third argument, the weights of the errors of x (fit.hpp), null where all count alike.
template <class F>
concept Format = requires(const typename F::Block& in, typename F::Block& out, const float* x, float* y) {
  { F::dequantize(in, y) }
  noexcept->std::same_as<void>;
  { F::quantize(x, out) }
  noexcept->std::same_as<void>;
  requires std::is_trivially_copyable_v<typename F::Block>;
  requires F::block_length == info(F::dtype).block_length;
  requires sizeof(typename F::Block) == static_cast<std::size_t>(info(F::dtype).block_bytes);
};

/// A format whose quantizer takes weights: one that searches.
template <class F>
concept WeightedFormat = Format<F> && requires(typename F::Block& out, const float* x, const float* weights) {
  { F::quantize(x, out, weights) }
  noexcept->std::same_as<void>;
};

/// A format whose blocks come apart into whole numbers, for kernels that multiply those:
///   packing           how (parts.hpp)
///   split(block, parts)  takes a block apart
///   table()           the values of the levels, where packing.has_table
template <class F>
concept IntegerFormat = Format<F> && requires(const typename F::Block& in, Parts& parts) {
  { F::split(in, parts) }
  noexcept->std::same_as<void>;
  requires std::same_as<decltype(F::packing), const Packing>;
};

template <Format... F>
struct FormatList {};

/// Every type that a matrix may have. A new one is its header above and its name here.
using Formats = FormatList<F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL,
                           IQ4_XS, MXFP4>;

namespace detail {

template <class Function, class... F>
LINNET_ALWAYS_INLINE constexpr void for_each(FormatList<F...>, Function&& function) {
  (function.template operator()<F>(), ...);
}

template <class Function, class... F>
LINNET_ALWAYS_INLINE constexpr bool with(FormatList<F...>, DType type, Function&& function) {
  return ((F::dtype == type && (function.template operator()<F>(), true)) || ...);
}

}  // namespace detail

/// Calls f.template operator()<F>() for every format, in the order of the list.
template <class Function>
LINNET_ALWAYS_INLINE constexpr void for_each_format(Function&& function) {
  detail::for_each(Formats{}, function);
}

/// Calls f.template operator()<F>() for the format of this type, or returns false where there is none.
template <class Function>
LINNET_ALWAYS_INLINE constexpr bool with_format(DType type, Function&& function) {
  return detail::with(Formats{}, type, function);
}

/// Whether the library computes with matrices of this type.
LINNET_ALWAYS_INLINE constexpr bool is_computable(DType type) noexcept {
  return with_format(type, []<class F>() {});
}

}  // namespace linnet::quant
