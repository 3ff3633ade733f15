// isa/neon_i8mm.cpp - the kernels for 64-bit Arm with matrix products of bytes (FEAT_I8MM) beside dot
// products. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_neon.hpp"

namespace linnet::kernels {
namespace {

struct NeonI8mm : NeonDotprodBytes {
  static constexpr std::string_view name = "neon_i8mm";
  static constexpr int token_piece = 8;
  static constexpr int step_operations = 64;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) {
    return vreinterpretq_u8_u32(vmmlaq_u32(vreinterpretq_u32_u8(sum), x, x));
  }

  /// smmla multiplies eight columns of two rows with those of two tokens: [row, token] in the lanes of a sum.
  /// Two quads of four rows become eight columns of two rows twice, which all tokens share.
  template <int Quads>
  LINNET_ALWAYS_INLINE static void dot_pair(const Bytes* levels, const std::int8_t* x, Bytes first_start,
                                            Bytes second_start, Vector& first, Vector& second) {
    const int32x4_t starts =
        vzip1q_s32(vreinterpretq_s32_u8(first_start), vreinterpretq_s32_u8(second_start));
    int32x4_t low = starts, high = starts;  // rows 0 and 1, rows 2 and 3
    unroll<Quads / 2>([&](auto octet) __attribute__((always_inline)) {
      const int32x4_t even = vreinterpretq_s32_u8(levels[2 * octet]);
      const int32x4_t odd = vreinterpretq_s32_u8(levels[2 * octet + 1]);
      const int8x16_t two_tokens = vld1q_s8(x + 32 * octet);
      low = vmmlaq_s32(low, vreinterpretq_s8_s32(vzip1q_s32(even, odd)), two_tokens);
      high = vmmlaq_s32(high, vreinterpretq_s8_s32(vzip2q_s32(even, odd)), two_tokens);
    });
    first = vcvtq_f32_s32(vuzp1q_s32(low, high));
    second = vcvtq_f32_s32(vuzp2q_s32(low, high));
  }
};

}  // namespace

extern constexpr Table neon_i8mm_table = make_table<NeonI8mm>();

}  // namespace linnet::kernels
