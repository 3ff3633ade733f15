// ops/vector.hpp - what kernels ask of a vector of floats, and how a loop over any length is cut into them.
// The one place that knows differences between versions of xsimd. Every function but sum(V) gives the same
// bits on every instruction set: products are fused, sums keep one order, and exp and tanh are written out.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <xsimd/xsimd.hpp>

#include <linnet/base/config.hpp>

namespace linnet::kernels {

/// A vector of one float with the face of xsimd::batch: with it every kernel template is its own scalar
/// reference.
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
    return std::fma(a.value, b.value, c.value);
  }
  LINNET_ALWAYS_INLINE friend ScalarVector fnma(ScalarVector a, ScalarVector b, ScalarVector c) {
    return std::fma(-a.value, b.value, c.value);
  }
  LINNET_ALWAYS_INLINE friend ScalarVector min(ScalarVector a, ScalarVector b) {
    return a.value < b.value ? a.value : b.value;
  }
  LINNET_ALWAYS_INLINE friend ScalarVector max(ScalarVector a, ScalarVector b) {
    return a.value > b.value ? a.value : b.value;
  }
  LINNET_ALWAYS_INLINE friend bool operator<(ScalarVector a, ScalarVector b) { return a.value < b.value; }
  LINNET_ALWAYS_INLINE friend ScalarVector select(bool which, ScalarVector a, ScalarVector b) {
    return which ? a : b;
  }
  LINNET_ALWAYS_INLINE friend int to_int(ScalarVector v) { return static_cast<int>(v.value); }
  LINNET_ALWAYS_INLINE friend ScalarVector ldexp(ScalarVector v, int n) { return std::ldexp(v.value, n); }
};

LINNET_ALWAYS_INLINE float sum(ScalarVector v) { return v.value; }

/// The sum over the lanes of a vector, in an order of its instruction set.
template <class Arch>
LINNET_ALWAYS_INLINE float sum(const xsimd::batch<float, Arch>& v) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::hadd(v);
#else
  return xsimd::reduce_add(v);
#endif
}

// Xsimd 8 rounds the product first where it lacks a fused form: of all three with AVX-512, of the last with
// NEON. These overloads are found before its own.
#ifdef __AVX512F__
template <class Arch>
concept WithAvx512 = std::is_base_of_v<xsimd::avx512f, Arch>;

template <WithAvx512 Arch>
LINNET_ALWAYS_INLINE xsimd::batch<float, Arch> fma(const xsimd::batch<float, Arch>& a,
                                                   const xsimd::batch<float, Arch>& b,
                                                   const xsimd::batch<float, Arch>& c) {
  return _mm512_fmadd_ps(a, b, c);
}
template <WithAvx512 Arch>
LINNET_ALWAYS_INLINE xsimd::batch<float, Arch> fms(const xsimd::batch<float, Arch>& a,
                                                   const xsimd::batch<float, Arch>& b,
                                                   const xsimd::batch<float, Arch>& c) {
  return _mm512_fmsub_ps(a, b, c);
}
template <WithAvx512 Arch>
LINNET_ALWAYS_INLINE xsimd::batch<float, Arch> fnma(const xsimd::batch<float, Arch>& a,
                                                    const xsimd::batch<float, Arch>& b,
                                                    const xsimd::batch<float, Arch>& c) {
  return _mm512_fnmadd_ps(a, b, c);
}
#endif
#ifdef __aarch64__
using NeonFloats = xsimd::batch<float, xsimd::neon64>;

LINNET_ALWAYS_INLINE NeonFloats fnma(const NeonFloats& a, const NeonFloats& b, const NeonFloats& c) {
  return vfmsq_f32(c, a, b);
}

/// v * 2^n, from the exponent's bits. Xsimd casts through a table of functions, which would stay behind as
/// weak symbols.
LINNET_ALWAYS_INLINE NeonFloats ldexp(const NeonFloats& v,
                                      const xsimd::batch<std::int32_t, xsimd::neon64>& n) {
  return v * NeonFloats(vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23)));
}
#endif

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

/// A sum that is built in 16 lanes whatever the vectors' size, and added up in one order.
template <class V>
struct LaneSums {
  static constexpr int lanes = 16;
  static constexpr int vectors = lanes / static_cast<int>(V::size);
  V part[vectors];

  LINNET_ALWAYS_INLINE LaneSums() {
    for (V& v : part) v = V(0.0f);
  }
  LINNET_ALWAYS_INLINE float total() const {
    float sums[lanes];
    for (int v = 0; v < vectors; ++v) part[v].store_unaligned(sums + v * static_cast<int>(V::size));
    for (int width = lanes / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) sums[i] += sums[i + width];
    return sums[0];
  }
};

/// Sum over i of a[i] * b[i].
template <class V>
LINNET_ALWAYS_INLINE float dot(const float* a, const float* b, std::int64_t n) {
  using Sums = LaneSums<V>;
  constexpr auto size = static_cast<std::int64_t>(V::size);
  Sums sums;
  for (std::int64_t i = 0; i < n; i += Sums::lanes)
    for (int v = 0; v < Sums::vectors; ++v) {
      const std::int64_t at = i + v * size;
      sums.part[v] = fma(load<V>(a + at, n - at), load<V>(b + at, n - at), sums.part[v]);
    }
  return sums.total();
}

/// e^x, to 2 units in the last place; 0 where x is below -87.3, infinity where it is above 88.3.
/// e^x = 2^n e^r with n = round(x / ln 2), and e^r by its Taylor series: |r| <= ln 2 / 2.
template <class V>
LINNET_ALWAYS_INLINE V exponential(V argument) {
  constexpr float lowest = -87.3f, highest = 88.3f;
  const V x = max(min(argument, V(highest)), V(lowest));
  constexpr float round_shift = 12582912.0f;  // 1.5 * 2^23 pushes the fraction out of the mantissa
  const V n = V(V(x * V(1.44269504f)) + V(round_shift)) - V(round_shift);
  const V r = fnma(n, V(-2.12194440e-4f), V(fnma(n, V(0.693359375f), x)));  // ln 2 in two parts
  V e(1.0f / 5040);
  e = fma(e, r, V(1.0f / 720));
  e = fma(e, r, V(1.0f / 120));
  e = fma(e, r, V(1.0f / 24));
  e = fma(e, r, V(1.0f / 6));
  e = fma(e, r, V(0.5f));
  e = fma(e, r, V(1.0f));
  e = fma(e, r, V(1.0f));
  const V finite = ldexp(e, to_int(n));
  return select(argument < V(lowest), V(0.0f), V(select(V(highest) < argument, V(INFINITY), finite)));
}

/// tanh(x): an odd polynomial near zero (Cephes, tanhf), elsewhere by e^2x.
template <class V>
LINNET_ALWAYS_INLINE V hyperbolic_tangent(V x) {
  const V z = x * x;
  V p(-5.70498872745e-3f);
  p = fma(p, z, V(2.06390887954e-2f));
  p = fma(p, z, V(-5.37397155531e-2f));
  p = fma(p, z, V(1.33314422036e-1f));
  p = fma(p, z, V(-3.33332819422e-1f));
  const V near = fma(V(p * z), x, x);
  const V far = V(1.0f) - V(2.0f) / V(exponential(V(x + x)) + V(1.0f));
  return select(z < V(0.390625f), near, far);  // |x| < 0.625
}

}  // namespace linnet::kernels
