// isa/bytes_512vnni.hpp - byte arithmetic on 512 bits with VNNI. Included only by files compiled for it.
#pragma once

#include "bytes_512.hpp"

namespace linnet::kernels {
namespace {

/// See ScalarBytes for what each function does.
struct Bytes512Vnni : Bytes512 {
  static constexpr int signed_bias = 128;

  template <int Quads, bool Signed, int>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, std::int32_t bias) {
    __m512i sum = Signed ? _mm512_set1_epi32(bias) : _mm512_setzero_si512();
    for (int q = 0; q < Quads; ++q) sum = _mm512_dpbusd_epi32(sum, levels[q], broadcast_quad(x + 4 * q));
    return _mm512_cvtepi32_ps(sum);
  }
};

}  // namespace
}  // namespace linnet::kernels
