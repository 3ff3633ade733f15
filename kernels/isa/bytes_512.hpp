// isa/bytes_512.hpp - byte arithmetic on 512 bits with AVX-512. Included only by files compiled for it.
#pragma once

#include <immintrin.h>

#include "../ops/vector.hpp"

namespace linnet::kernels {
namespace {

/// See ScalarBytes for what each function does.
struct Bytes512 {
  using Vector = xsimd::batch<float, xsimd::avx512bw>;
  using Bytes = __m512i;
  static constexpr int rows = 16;
  static constexpr int tokens = 32;
  static constexpr int token_piece = 32;

  LINNET_ALWAYS_INLINE static Bytes load(const std::byte* p) { return _mm512_loadu_si512(p); }
  LINNET_ALWAYS_INLINE static Bytes broadcast(std::uint32_t word) {
    return _mm512_set1_epi32(static_cast<int>(word));
  }
  LINNET_ALWAYS_INLINE static Bytes bit_and(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_xor(Bytes a, Bytes b) { return _mm512_xor_si512(a, b); }
  template <int n>
  LINNET_ALWAYS_INLINE static Bytes shift(Bytes a) {
    if constexpr (n > 0) return _mm512_slli_epi32(a, n);
    if constexpr (n < 0) return _mm512_srli_epi32(a, -n);
    return a;
  }
  LINNET_ALWAYS_INLINE static Bytes broadcast_table(const std::int8_t (&values)[16]) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  }
  LINNET_ALWAYS_INLINE static Bytes lookup(Bytes table, Bytes index) {
    return _mm512_shuffle_epi8(table, index);
  }
  LINNET_ALWAYS_INLINE static Vector to_float(Bytes a) { return _mm512_cvtepi32_ps(a); }
  LINNET_ALWAYS_INLINE static Vector as_float(Bytes a) { return _mm512_castsi512_ps(a); }
  LINNET_ALWAYS_INLINE static Vector load_halves(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  LINNET_ALWAYS_INLINE static Bytes load_words(const std::byte* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  /// See Bytes256.
  LINNET_ALWAYS_INLINE static Vector load_exponents(const std::byte* p) {
    const __m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    return _mm512_castsi512_ps(
        _mm512_mask_mov_epi32(normal, _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2)), subnormal));
  }
  /// byte_bias and byte i of each lane, as a float: the byte becomes the upper bits of a mantissa.
  static constexpr float byte_bias = 256;
  template <int i>
  LINNET_ALWAYS_INLINE static Vector biased_byte(Bytes a) {
    constexpr auto bias = __builtin_bit_cast(std::uint32_t, byte_bias);
    constexpr int and_or = 0xea;
    return as_float(
        _mm512_ternarylogic_epi32(shift<15 - 8 * i>(a), broadcast(255 << 15), broadcast(bias), and_or));
  }
  /// Each lane's two numbers cut to bfloat16, `first` below `second`: 64 bytes.
  LINNET_ALWAYS_INLINE static void store_cut_pairs(Vector first, Vector second, std::byte* to) {
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(first), 16);
    _mm512_storeu_si512(to, _mm512_mask_mov_epi16(low, 0xaaaaaaaa, _mm512_castps_si512(second)));
  }
  /// The same rounded; ties go away from zero.
  LINNET_ALWAYS_INLINE static void store_pairs(Vector first, Vector second, std::byte* to) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    const __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(first), half), 16);
    const __m512i high = _mm512_add_epi32(_mm512_castps_si512(second), half);
    _mm512_storeu_si512(to, _mm512_mask_mov_epi16(low, 0xaaaaaaaa, high));
  }
  LINNET_ALWAYS_INLINE static float largest(Vector v) { return _mm512_reduce_max_ps(v); }
  LINNET_ALWAYS_INLINE static void store_rounded(const Vector (&x)[2], std::int8_t* bytes,
                                                 std::int32_t (&sums)[2]) {
    for (int half = 0; half < 2; ++half) {
      const __m512i rounded = _mm512_cvtps_epi32(x[half]);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 16 * half), _mm512_cvtepi32_epi8(rounded));
      sums[half] = _mm512_reduce_add_epi32(rounded);
    }
  }
  /// v * 2^n, for whole n.
  LINNET_ALWAYS_INLINE static Vector times_power_of_two(Vector v, Vector n) { return _mm512_scalef_ps(v, n); }
  LINNET_ALWAYS_INLINE static Bytes broadcast_quad(const std::int8_t* x) {
    std::int32_t quad;
    __builtin_memcpy(&quad, x, sizeof quad);
    return _mm512_set1_epi32(quad);
  }
};

}  // namespace
}  // namespace linnet::kernels
