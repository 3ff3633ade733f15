// ops/vector.hpp - what kernels ask of a vector of floats, and how a loop over
// any length is cut into them. The one place that knows differences between
// versions of xsimd.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

#include <xsimd/xsimd.hpp>

#include <linnet/base/config.hpp>

namespace linnet::kernels {

/// A vector of one float with the face of xsimd::batch: with it every kernel
/// template is its own scalar reference.
struct ScalarVector {
  static constexpr std::size_t size = 1;
  float value;

  ScalarVector() = default;
  LINNET_ALWAYS_INLINE ScalarVector(float v) : value(v) {}
  LINNET_ALWAYS_INLINE static ScalarVector load_unaligned(const float* p) { return *p; }
  LINNET_ALWAYS_INLINE void store_unaligned(float* p) const { *p = value; }

  LINNET_ALWAYS_INLINE friend ScalarVector operator+(ScalarVector a, ScalarVector b) {
    return a.value + b.value;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector operator-(ScalarVector a, ScalarVector b) {
    return a.value - b.value;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector operator*(ScalarVector a, ScalarVector b) {
    return a.value * b.value;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector operator/(ScalarVector a, ScalarVector b) {
    return a.value / b.value;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector fma(ScalarVector a, ScalarVector b, ScalarVector c) {
    return a * b + c;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector fnma(ScalarVector a, ScalarVector b, ScalarVector c) {
    return c - a * b;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector exp(ScalarVector v) { return std::exp(v.value); }
  LINNET_ALWAYS_INLINE friend ScalarVector tanh(ScalarVector v) { return std::tanh(v.value); }
};

LINNET_ALWAYS_INLINE float sum(ScalarVector v) { return v.value; }

/// The sum over the lanes of a vector.
template <class Arch>
LINNET_ALWAYS_INLINE float sum(const xsimd::batch<float, Arch>& v) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::hadd(v);
#else
  return xsimd::reduce_add(v);
#endif
}

/// Calls f with 0, 1, ... N - 1 as constants: a loop over registers, which a compiler might leave in memory.
template <int N, class F>
LINNET_ALWAYS_INLINE void unroll(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, i>()), ...);
  }
  (std::make_integer_sequence<int, N>());
}

/// Loads min(left, V::size) floats; the other lanes are zero.
template <class V>
LINNET_ALWAYS_INLINE V load(const float* p, std::int64_t left) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  if (left >= size) return V::load_unaligned(p);
  float padded[V::size] = {};
  for (std::int64_t i = 0; i < left; ++i) padded[i] = p[i];
  return V::load_unaligned(padded);
}

/// Stores the first min(left, V::size) lanes.
template <class V>
LINNET_ALWAYS_INLINE void store(V v, float* p, std::int64_t left) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  if (left >= size) return v.store_unaligned(p);
  float padded[V::size];
  v.store_unaligned(padded);
  for (std::int64_t i = 0; i < left; ++i) p[i] = padded[i];
}

/// y[i] = f(x[i]) with vectors; lanes past the end hold zeros. y may be x.
template <class V, class F>
LINNET_ALWAYS_INLINE void transform(const float* x, float* y, std::int64_t n, F f) {
  for (std::int64_t i = 0; i < n; i += static_cast<std::int64_t>(V::size))
    store(f(load<V>(x + i, n - i)), y + i, n - i);
}

/// y[i] = f(a[i], b[i]). y may be a or b.
template <class V, class F>
LINNET_ALWAYS_INLINE void transform(const float* a, const float* b, float* y, std::int64_t n, F f) {
  for (std::int64_t i = 0; i < n; i += static_cast<std::int64_t>(V::size))
    store(f(load<V>(a + i, n - i), load<V>(b + i, n - i)), y + i, n - i);
}

/// Sum over i of a[i] * b[i].
template <class V>
LINNET_ALWAYS_INLINE float dot(const float* a, const float* b, std::int64_t n) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  V even(0.0f), odd(0.0f);
  std::int64_t i = 0;
  for (; i + 2 * size <= n; i += 2 * size) {
    even = fma(V::load_unaligned(a + i), V::load_unaligned(b + i), even);
    odd = fma(V::load_unaligned(a + i + size), V::load_unaligned(b + i + size), odd);
  }
  for (; i < n; i += size) even = fma(load<V>(a + i, n - i), load<V>(b + i, n - i), even);
  return sum(V(even + odd));
}

}  // namespace linnet::kernels
