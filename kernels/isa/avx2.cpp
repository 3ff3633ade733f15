// isa/avx2.cpp - the kernels for AVX2 with FMA and F16C. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_256.hpp"

namespace linnet::kernels {
namespace {

struct Avx2 : Bytes256 {
  static constexpr std::string_view name = "avx2";
  static constexpr int signed_bias = 0;
  static constexpr int step_operations = 64;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) { return _mm256_maddubs_epi16(sum, x); }

  /// vpmaddubsw adds two products in 16 bits, which saturate: as many pairs are summed there as are sure to
  /// fit, then widened. Signed levels lend their sign to the activations.
  template <int Quads, bool Signed, int Largest>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, std::int32_t) {
    constexpr int fit = 32767 / (2 * 127 * Largest);
    constexpr int narrow = fit >= Quads ? Quads : fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
    static_assert(fit >= 1);
    __m256i wide = _mm256_setzero_si256();
    for (int q = 0; q < Quads; q += narrow) {
      __m256i sum = products<Signed>(levels[q], broadcast_quad(x + 4 * q));
      for (int i = 1; i < narrow; ++i)
        sum = _mm256_add_epi16(sum, products<Signed>(levels[q + i], broadcast_quad(x + 4 * (q + i))));
      const __m256i pairs = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
      wide = q == 0 ? pairs : _mm256_add_epi32(wide, pairs);
    }
    return _mm256_cvtepi32_ps(wide);
  }

 private:
  template <bool Signed>
  LINNET_ALWAYS_INLINE static __m256i products(__m256i levels, __m256i x) {
    if constexpr (Signed) return _mm256_maddubs_epi16(_mm256_abs_epi8(levels), _mm256_sign_epi8(x, levels));
    return _mm256_maddubs_epi16(levels, x);
  }
};

}  // namespace

extern constexpr Table avx2_table = make_table<Avx2>();

}  // namespace linnet::kernels
