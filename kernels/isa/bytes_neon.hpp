// isa/bytes_neon.hpp - byte arithmetic on 128 bits with NEON. Included only by files compiled for 64-bit Arm.
#pragma once

#include <arm_neon.h>

#include "../ops/vector.hpp"

namespace linnet::kernels {
namespace {

/// See ScalarBytes for what each function does.
struct NeonBytes {
  using Vector = xsimd::batch<float, xsimd::neon64>;
  using Bytes = uint8x16_t;
  static constexpr int rows = 4;
  static constexpr int tokens = 32;
  static constexpr int token_piece = 32;
  static constexpr int signed_bias = 0;

  LINNET_ALWAYS_INLINE static Bytes load(const std::byte* p) {
    return vld1q_u8(reinterpret_cast<const std::uint8_t*>(p));
  }
  LINNET_ALWAYS_INLINE static Bytes broadcast(std::uint32_t word) {
    return vreinterpretq_u8_u32(vdupq_n_u32(word));
  }
  LINNET_ALWAYS_INLINE static Bytes bit_and(Bytes a, Bytes b) { return vandq_u8(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_or(Bytes a, Bytes b) { return vorrq_u8(a, b); }
  LINNET_ALWAYS_INLINE static Bytes bit_xor(Bytes a, Bytes b) { return veorq_u8(a, b); }
  template <int n>
  LINNET_ALWAYS_INLINE static Bytes shift(Bytes a) {
    if constexpr (n > 0) return vreinterpretq_u8_u32(vshlq_n_u32(vreinterpretq_u32_u8(a), n));
    if constexpr (n < 0) return vreinterpretq_u8_u32(vshrq_n_u32(vreinterpretq_u32_u8(a), -n));
    return a;
  }
  template <int n>
  LINNET_ALWAYS_INLINE static Bytes top_bits(Bytes a) {
    return vshrq_n_u8(a, 8 - n);
  }
  LINNET_ALWAYS_INLINE static Bytes bit_select(Bytes mask, Bytes a, Bytes b) { return vbslq_u8(mask, a, b); }
  LINNET_ALWAYS_INLINE static Bytes broadcast_table(const std::int8_t (&values)[16]) {
    return vreinterpretq_u8_s8(vld1q_s8(values));
  }
  LINNET_ALWAYS_INLINE static Bytes lookup(Bytes table, Bytes index) { return vqtbl1q_u8(table, index); }
  LINNET_ALWAYS_INLINE static Vector to_float(Bytes a) { return vcvtq_f32_s32(vreinterpretq_s32_u8(a)); }
  LINNET_ALWAYS_INLINE static Vector as_float(Bytes a) { return vreinterpretq_f32_u8(a); }
  LINNET_ALWAYS_INLINE static Vector load_halves(const std::byte* p) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(p))));
  }
  LINNET_ALWAYS_INLINE static Bytes load_words(const std::byte* p) {
    const uint8x8_t words = vld1_u8(reinterpret_cast<const std::uint8_t*>(p));
    return vreinterpretq_u8_u32(vmovl_u16(vreinterpret_u16_u8(words)));
  }
  LINNET_ALWAYS_INLINE static float largest(Vector v) { return vmaxvq_f32(v); }
  LINNET_ALWAYS_INLINE static void store_rounded(const Vector (&x)[8], std::int8_t* bytes,
                                                 std::int32_t (&sums)[2]) {
    for (int half = 0; half < 2; ++half) {
      const Vector* const from = x + 4 * half;
      const int32x4_t a = vcvtnq_s32_f32(from[0]), b = vcvtnq_s32_f32(from[1]);
      const int32x4_t c = vcvtnq_s32_f32(from[2]), d = vcvtnq_s32_f32(from[3]);
      const int16x8_t low = vcombine_s16(vmovn_s32(a), vmovn_s32(b));
      const int16x8_t high = vcombine_s16(vmovn_s32(c), vmovn_s32(d));
      vst1q_s8(bytes + 16 * half, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
      sums[half] = vaddvq_s32(vaddq_s32(vaddq_s32(a, b), vaddq_s32(c, d)));
    }
  }
  /// See Bytes256.
  LINNET_ALWAYS_INLINE static Vector load_exponents(const std::byte* p) {
    std::uint32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    const uint16x8_t wider = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    const uint32x4_t e = vmovl_u16(vget_low_u16(wider));
    const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
    const uint32x4_t subnormal = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(e));
    return vreinterpretq_f32_u32(vbslq_u32(vcltq_u32(e, vdupq_n_u32(2)), subnormal, normal));
  }
};

#ifdef __ARM_FEATURE_DOTPROD
/// Four products to a lane at once, with a quad of activations chosen by its number: nothing is broadcast.
struct NeonDotprodBytes : NeonBytes {
  static constexpr int step_operations = 32;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) {
    return vreinterpretq_u8_u32(vdotq_u32(vreinterpretq_u32_u8(sum), x, x));
  }

  template <int Quads, bool, int>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    int32x4_t sum = vreinterpretq_s32_u8(start);
    unroll<Quads / 4>([&](auto part) __attribute__((always_inline)) {
      const int8x16_t sixteen = vld1q_s8(x + 16 * part);
      unroll<4>([&](auto quad) __attribute__((always_inline)) {
        sum = vdotq_laneq_s32(sum, vreinterpretq_s8_u8(levels[4 * part + quad]), sixteen, quad);
      });
    });
    return vcvtq_f32_s32(sum);
  }
};
#endif

}  // namespace
}  // namespace linnet::kernels
