// isa/bytes_256.hpp - byte arithmetic on 256 bits with AVX2. Included only by files compiled for it.
#pragma once

#include <immintrin.h>

#include "../ops/vector.hpp"

namespace linnet::kernels {
namespace {

/// See ScalarBytes for what each function does.
struct Bytes256 {
  using Vector = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
  using Bytes = __m256i;
  static constexpr int rows = 8;
  static constexpr int tokens = 32;
  static constexpr int token_piece = 32;

  LINNET_ALWAYS_INLINE static Bytes load(const std::byte* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  LINNET_ALWAYS_INLINE static Bytes broadcast(std::uint32_t word) {
    return _mm256_set1_epi32(static_cast<int>(word));
  }
  LINNET_ALWAYS_INLINE static Bytes bit_and(Bytes a, Bytes b) { return _mm256_and_si256(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_or(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_xor(Bytes a, Bytes b) { return _mm256_xor_si256(a, b); }
  template <int n>
  LINNET_ALWAYS_INLINE static Bytes shift(Bytes a) {
    if constexpr (n > 0) return _mm256_slli_epi32(a, n);
    if constexpr (n < 0) return _mm256_srli_epi32(a, -n);
    return a;
  }
  LINNET_ALWAYS_INLINE static Bytes broadcast_table(const std::int8_t (&values)[16]) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  LINNET_ALWAYS_INLINE static Bytes lookup(Bytes table, Bytes index) {
    return _mm256_shuffle_epi8(table, index);
  }
  LINNET_ALWAYS_INLINE static Vector to_float(Bytes a) { return _mm256_cvtepi32_ps(a); }
  LINNET_ALWAYS_INLINE static Vector as_float(Bytes a) { return _mm256_castsi256_ps(a); }
  LINNET_ALWAYS_INLINE static Vector load_halves(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  LINNET_ALWAYS_INLINE static Bytes load_words(const std::byte* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  /// 2^(e - 128) as the exponent field of a float, halved once more where the field would be 0 or less.
  LINNET_ALWAYS_INLINE static Vector load_exponents(const std::byte* p) {
    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    return _mm256_castsi256_ps(
        _mm256_blendv_epi8(normal, subnormal, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
  }
  LINNET_ALWAYS_INLINE static float largest(Vector v) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }
  LINNET_ALWAYS_INLINE static void store_rounded(const Vector (&x)[4], std::int8_t* bytes,
                                                 std::int32_t (&sums)[2]) {
    const __m256i a = _mm256_cvtps_epi32(x[0]), b = _mm256_cvtps_epi32(x[1]);
    const __m256i c = _mm256_cvtps_epi32(x[2]), d = _mm256_cvtps_epi32(x[3]);
    // Packing works on halves of a register apart.
    const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), _mm256_permutevar8x32_epi32(packed, order));
    const __m256i pairs = _mm256_hadd_epi32(_mm256_add_epi32(a, b), _mm256_add_epi32(c, d));
    const __m128i fours = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    const __m128i halves = _mm_hadd_epi32(fours, fours);
    sums[0] = _mm_cvtsi128_si32(halves);
    sums[1] = _mm_extract_epi32(halves, 1);
  }
  /// Four bytes of activations in every lane.
  LINNET_ALWAYS_INLINE static Bytes broadcast_quad(const std::int8_t* x) {
    std::int32_t quad;
    __builtin_memcpy(&quad, x, sizeof quad);
    return _mm256_set1_epi32(quad);
  }
};

}  // namespace
}  // namespace linnet::kernels
