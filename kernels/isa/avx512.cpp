// isa/avx512.cpp - the kernels for AVX-512 F, BW, CD, DQ and VL. The only file that knows this instruction
// set.
#include "../make_table.hpp"
#include "bytes_512.hpp"

namespace linnet::kernels {
namespace {

struct Avx512 : Bytes512 {
  static constexpr std::string_view name = "avx512";
  static constexpr int signed_bias = 0;
  static constexpr int step_operations = 128;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) { return _mm512_maddubs_epi16(sum, x); }

  /// As in avx2.cpp; there is no instruction that lends a sign, so signed levels are widened instead.
  template <int Quads, bool Signed, int Largest>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    __m512i wide = start;
    if constexpr (Signed) {
      for (int q = 0; q < Quads; ++q)
        wide = _mm512_add_epi32(wide, signed_products(levels[q], broadcast_quad(x + 4 * q)));
    } else {
      constexpr int fit = 32768 / (2 * 128 * Largest);
      constexpr int narrow = fit >= Quads ? Quads : fit >= 4 ? 4 : 2;
      static_assert(fit >= 2);
      for (int q = 0; q < Quads; q += narrow) {
        __m512i sum = _mm512_maddubs_epi16(levels[q], broadcast_quad(x + 4 * q));
        for (int i = 1; i < narrow; ++i)
          sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(levels[q + i], broadcast_quad(x + 4 * (q + i))));
        wide = _mm512_add_epi32(wide, _mm512_madd_epi16(sum, _mm512_set1_epi16(1)));
      }
    }
    return _mm512_cvtepi32_ps(wide);
  }

 private:
  /// Even and odd bytes as 16 bits, each multiplied and added in pairs.
  LINNET_ALWAYS_INLINE static __m512i signed_products(__m512i levels, __m512i x) {
    const __m512i odd = _mm512_madd_epi16(_mm512_srai_epi16(levels, 8), _mm512_srai_epi16(x, 8));
    const __m512i even = _mm512_madd_epi16(_mm512_srai_epi16(_mm512_slli_epi16(levels, 8), 8),
                                           _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8));
    return _mm512_add_epi32(odd, even);
  }
};

}  // namespace

extern constexpr Table avx512_table = make_table<Avx512>();

}  // namespace linnet::kernels
