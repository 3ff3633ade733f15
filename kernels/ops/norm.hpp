// ops/norm.hpp - root-mean-square and layer normalisation of one row.
#pragma once

#include "vector.hpp"

namespace linnet::kernels {

/// y = (x - shift) * factor * weight + bias, where weight and bias may be null.
template <class V>
LINNET_ALWAYS_INLINE void scale_row(const float* x, float shift, float factor, const float* weight,
                                    const float* bias, std::int64_t n, float* y) {
  transform<V>(x, y, n, [&](V v) { return V((v - V(shift)) * V(factor)); });
  if (weight) transform<V>(y, weight, y, n, [](V v, V w) { return V(v * w); });
  if (bias) transform<V>(y, bias, y, n, [](V v, V b) { return V(v + b); });
}

template <class Isa>
void rms_norm(const float* x, const float* weight, const float* bias, float eps, std::int64_t n,
              float* y) noexcept {
  using V = typename Isa::Vector;
  const float mean_square = dot<V>(x, x, n) / static_cast<float>(n);
  scale_row<V>(x, 0.0f, 1.0f / std::sqrt(mean_square + eps), weight, bias, n, y);
}

/// The sum over i of f(x[i] - shift).
template <class V, class F>
LINNET_ALWAYS_INLINE float sum_of(const float* x, float shift, std::int64_t n, F f) {
  using Sums = LaneSums<V>;
  Sums sums;
  std::int64_t i = 0;
  for (; i + Sums::lanes <= n; i += Sums::lanes)
    for (int v = 0; v < Sums::vectors; ++v)
      sums.part[v] = sums.part[v] + f(V(V::load_unaligned(x + i + v * static_cast<int>(V::size)) - V(shift)));
  float rest = 0;
  for (; i < n; ++i) rest += f(x[i] - shift);
  return rest + sums.total();
}

template <class Isa>
void layer_norm(const float* x, const float* weight, const float* bias, float eps, std::int64_t n,
                float* y) noexcept {
  using V = typename Isa::Vector;
  const auto count = static_cast<float>(n);
  const auto identity = [](auto v) { return v; };
  // Where the mean is large, rounding its sum costs more than the values differ: what is left of it after one
  // subtraction is small, and found exactly enough.
  float mean = sum_of<V>(x, 0, n, identity) / count;
  mean += sum_of<V>(x, mean, n, identity) / count;
  // The mean is taken off before squaring: E[x^2] - E[x]^2 would cancel.
  const float variance = sum_of<V>(x, mean, n, [](auto d) { return decltype(d)(d * d); }) / count;
  scale_row<V>(x, mean, 1.0f / std::sqrt(variance + eps), weight, bias, n, y);
}

}  // namespace linnet::kernels
