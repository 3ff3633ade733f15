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
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    constexpr int narrow = quads_that_fit<Quads, Largest>();
    __m256i wide = start;
    for (int q = 0; q < Quads; q += narrow) {
      __m256i sum = multiply<Signed>(levels[q], broadcast_quad(x + 4 * q));
      for (int i = 1; i < narrow; ++i)
        sum = _mm256_add_epi16(sum, multiply<Signed>(levels[q + i], broadcast_quad(x + 4 * (q + i))));
      wide = _mm256_add_epi32(wide, _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
    }
    return _mm256_cvtepi32_ps(wide);
  }

  static constexpr int bands = 2;
  static constexpr bool sums_apart = true;

  /// The first part of the same for four tokens and one or two bands side by side: sums of 16 bits where all
  /// of a group fit, else of 32, without `start`. Signed levels are their magnitudes here, and the
  /// activations that they would negate are complemented, which every port can do: -x - 1. What that takes
  /// away too much, the magnitudes of the negative levels, the sums start with.
  template <int Quads, bool Signed, int Largest, int Group, int Bands, int Groups>
  LINNET_ALWAYS_INLINE static void begin_dots(const Bytes (&levels)[Bands][8], const std::int8_t* x,
                                              Bytes (*sums)[Bands][Groups]) {
    constexpr int narrow = quads_that_fit<Quads, Largest>();
    __m256i magnitude[Bands][Quads], negative[Bands][Quads], excess[Bands];
    unroll<Bands>([&](auto band) __attribute__((always_inline)) {
      excess[band] = _mm256_setzero_si256();
      unroll<Quads>([&](auto q) __attribute__((always_inline)) {
        const __m256i level = levels[band][Quads * Group + q];
        if constexpr (Signed) {
          magnitude[band][q] = _mm256_abs_epi8(level);
          negative[band][q] = _mm256_cmpgt_epi8(_mm256_setzero_si256(), level);
          excess[band] = _mm256_add_epi32(excess[band], sum_where(negative[band][q], magnitude[band][q]));
        } else {
          magnitude[band][q] = level;
        }
      });
    });
    // Few at a time where each product is widened: there are not registers enough for all in both widths.
    constexpr int at_once = narrow > 2 ? 4 * Bands : 4;
    __m256i wide[Bands][4];
    unroll<Quads / narrow>([&](auto part) __attribute__((always_inline)) {
      __m256i sum[Bands][4];
      unroll<narrow>([&](auto i) __attribute__((always_inline)) {
        constexpr int q = part * narrow + i;
        unroll<Bands>([&](auto band) __attribute__((always_inline)) { hold(magnitude[band][q]); });
        unroll<4 * Bands / at_once>([&](auto turn) __attribute__((always_inline)) {
          unroll<at_once>([&](auto j) __attribute__((always_inline)) {
            constexpr int t = (turn * at_once + j) / Bands, band = j % Bands;
            __m256i quad = broadcast_quad(x + 32 * t + 4 * q);
            if constexpr (Signed) quad = _mm256_xor_si256(quad, negative[band][q]);
            const __m256i product = _mm256_maddubs_epi16(magnitude[band][q], quad);
            sum[band][t] = i == 0 ? product : _mm256_add_epi16(sum[band][t], product);
          });
          if constexpr (i + 1 < narrow) return;
          unroll<at_once>([&](auto j) __attribute__((always_inline)) {
            constexpr int t = (turn * at_once + j) / Bands, band = j % Bands;
            __m256i& total = wide[band][t];
            if constexpr (stays_narrow<Quads, Signed, Largest>()) {
              total = sum[band][t];
            } else if constexpr (part == 0 && !Signed) {
              total = widened(sum[band][t]);
            } else {
              total = _mm256_add_epi32(part == 0 ? excess[band] : total, widened(sum[band][t]));
            }
          });
        });
      });
    });
    unroll<4 * Bands>([&](auto j) __attribute__((always_inline)) {
      sums[j / Bands][j % Bands][Group] = wide[j % Bands][j / Bands];
    });
  }
  /// The second part, for one of the sums.
  template <int Quads, bool Signed, int Largest>
  LINNET_ALWAYS_INLINE static Vector finish_dot(Bytes sum, Bytes start) {
    if constexpr (stays_narrow<Quads, Signed, Largest>()) sum = widened(sum);
    if constexpr (!Signed) sum = _mm256_add_epi32(sum, start);
    return _mm256_cvtepi32_ps(sum);
  }

 private:
  LINNET_ALWAYS_INLINE static __m256i widened(__m256i sums) {
    return _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
  }

  /// Keeps a value in a register from here on: the compiler would load it again for every use.
  LINNET_ALWAYS_INLINE static void hold(__m256i& value) { asm("" : "+x"(value)); }

  /// Quads whose products can be added in 16 bits: each adds a pair of products of -128 * Largest at least.
  template <int Quads, int Largest>
  static constexpr int quads_that_fit() {
    constexpr int fit = 32768 / (2 * 128 * Largest);
    static_assert(fit >= 1);
    return fit >= Quads ? Quads : fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
  }

  template <int Quads, bool Signed, int Largest>
  static constexpr bool stays_narrow() {
    return !Signed && quads_that_fit<Quads, Largest>() == Quads;
  }

  /// The sum of the four bytes of every lane that a mask leaves.
  LINNET_ALWAYS_INLINE static __m256i sum_where(__m256i mask, __m256i bytes) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_and_si256(bytes, mask), _mm256_set1_epi8(1));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }

  template <bool Signed>
  LINNET_ALWAYS_INLINE static __m256i multiply(__m256i levels, __m256i x) {
    if constexpr (Signed) return _mm256_maddubs_epi16(_mm256_abs_epi8(levels), _mm256_sign_epi8(x, levels));
    return _mm256_maddubs_epi16(levels, x);
  }
};

}  // namespace

extern constexpr Table avx2_table = make_table<Avx2>();

}  // namespace linnet::kernels
