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

template <class Isa>
void layer_norm(const float* x, const float* weight, const float* bias, float eps, std::int64_t n,
                float* y) noexcept {
  using V = typename Isa::Vector;
  constexpr auto size = static_cast<std::int64_t>(V::size);
  V total(0.0f);
  for (std::int64_t i = 0; i < n; i += size) total = total + load<V>(x + i, n - i);
  const float mean = sum(total) / static_cast<float>(n);
  // The mean is taken off before squaring: E[x^2] - E[x]^2 would cancel where the mean is large.
  float variance = 0;
  V squares(0.0f);
  std::int64_t i = 0;
  for (; i + size <= n; i += size) {
    const V d = V::load_unaligned(x + i) - V(mean);
    squares = fma(d, d, squares);
  }
  for (; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance = (variance + sum(squares)) / static_cast<float>(n);
  scale_row<V>(x, mean, 1.0f / std::sqrt(variance + eps), weight, bias, n, y);
}

}  // namespace linnet::kernels
