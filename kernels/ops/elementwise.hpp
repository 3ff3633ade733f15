// ops/elementwise.hpp - RoPE, activations, soft caps and sums: kernels that touch each value once.
#pragma once

#include "vector.hpp"

namespace linnet::kernels {

template <class Isa>
void rope_halves(float* head, const float* cosine, const float* sine, std::int64_t pairs) noexcept {
  using V = typename Isa::Vector;
  float* const low = head;
  float* const high = head + pairs;
  for (std::int64_t i = 0; i < pairs; i += static_cast<std::int64_t>(V::size)) {
    const std::int64_t left = pairs - i;
    const V a = load<V>(low + i, left), b = load<V>(high + i, left);
    const V c = load<V>(cosine + i, left), s = load<V>(sine + i, left);
    store(V(a * c - b * s), low + i, left);
    store(V(a * s + b * c), high + i, left);
  }
}

// Plain floats: a head has a few dozen pairs, and the shuffles of a vector form would cost what they save.
template <class Isa>
void rope_interleaved(float* head, const float* cosine, const float* sine, std::int64_t pairs) noexcept {
  for (std::int64_t i = 0; i < pairs; ++i) {
    const float a = head[2 * i], b = head[2 * i + 1];
    head[2 * i] = a * cosine[i] - b * sine[i];
    head[2 * i + 1] = a * sine[i] + b * cosine[i];
  }
}

/// v * sigmoid(v). For large negative v the exponential overflows to infinity and the quotient is -0.
template <class V>
LINNET_ALWAYS_INLINE V silu(V v) {
  return v / (V(1.0f) + exponential(V(V(0.0f) - v)));
}

/// The tanh form of GELU.
template <class V>
LINNET_ALWAYS_INLINE V gelu_tanh(V v) {
  constexpr float sqrt_2_over_pi = 0.7978845608028654f;
  const V inner = V(sqrt_2_over_pi) * (v + V(0.044715f) * v * v * v);
  return V(0.5f) * v * (V(1.0f) + hyperbolic_tangent(V(inner)));
}

template <class Isa>
void silu_gate(const float* gate, const float* up, std::int64_t n, float* y) noexcept {
  using V = typename Isa::Vector;
  transform<V>(gate, up, y, n, [](V g, V u) { return V(silu(g) * u); });
}

template <class Isa>
void gelu_gate(const float* gate, const float* up, std::int64_t n, float* y) noexcept {
  using V = typename Isa::Vector;
  transform<V>(gate, up, y, n, [](V g, V u) { return V(gelu_tanh(g) * u); });
}

template <class Isa>
void gelu(float* y, std::int64_t n) noexcept {
  using V = typename Isa::Vector;
  transform<V>(y, y, n, [](V v) { return V(gelu_tanh(v)); });
}

template <class Isa>
void add_scaled(const float* x, float scale, std::int64_t n, float* y) noexcept {
  using V = typename Isa::Vector;
  transform<V>(x, y, y, n, [&](V a, V b) { return V(fma(V(scale), a, b)); });
}

template <class Isa>
void soft_cap(float* y, float cap, std::int64_t n) noexcept {
  using V = typename Isa::Vector;
  transform<V>(y, y, n, [&](V v) { return V(V(cap) * hyperbolic_tangent(V(v / V(cap)))); });
}

}  // namespace linnet::kernels
