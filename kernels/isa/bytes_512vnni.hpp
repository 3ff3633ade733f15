// isa/bytes_512vnni.hpp - byte arithmetic on 512 bits with VNNI. Included only by files compiled for it.
#pragma once

#include "bytes_512.hpp"

namespace linnet::kernels {
namespace {

/// See ScalarBytes for what each function does.
struct Bytes512Vnni : Bytes512 {
  static constexpr int signed_bias = 128;
  static constexpr int step_operations = 128;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) {
    return _mm512_dpbusd_epi32(sum, x, x);
  }

  template <int Quads, bool, int>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    __m512i sum = start;
    for (int q = 0; q < Quads; ++q) sum = _mm512_dpbusd_epi32(sum, levels[q], broadcast_quad(x + 4 * q));
    return _mm512_cvtepi32_ps(sum);
  }

  static constexpr int bands = 2;

  template <int Quads, bool, int, int Group, int Bands, int Groups>
  LINNET_ALWAYS_INLINE static void dots(const Bytes (&levels)[Bands][8], const std::int8_t* x,
                                        const Bytes (&start)[4], Vector (&products)[Bands][4][Groups]) {
    __m512i sum[Bands][4];
    unroll<Bands * 4>([&](auto i) __attribute__((always_inline)) { sum[i / 4][i % 4] = start[i % 4]; });
    unroll<Quads * 4>([&](auto i) __attribute__((always_inline)) {
      constexpr int q = i / 4, t = i % 4;
      const __m512i quad = broadcast_quad(x + 32 * t + 4 * q);
      unroll<Bands>([&](auto b) __attribute__((always_inline)) {
        sum[b][t] = _mm512_dpbusd_epi32(sum[b][t], levels[b][Quads * Group + q], quad);
      });
    });
    unroll<Bands * 4>([&](auto i) __attribute__((always_inline)) {
      products[i / 4][i % 4][Group] = _mm512_cvtepi32_ps(sum[i / 4][i % 4]);
    });
  }
};

}  // namespace
}  // namespace linnet::kernels
