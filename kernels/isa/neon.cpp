// isa/neon.cpp - the kernels for every 64-bit Arm. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_neon.hpp"

namespace linnet::kernels {
namespace {

struct Neon : NeonBytes {
  static constexpr std::string_view name = "neon";

  /// Products have 16 bits: as many quads are summed there as are sure to fit (eight of 5 bits, four of 6,
  /// two of signed bytes), then neighbours are added into 32 bits. Registers of products hold two rows each.
  template <int Quads, bool, int Largest>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    constexpr int fit = 32767 / (127 * Largest);
    constexpr int narrow = fit >= Quads ? Quads : fit >= 4 ? 4 : 2;
    static_assert(fit >= 2);
    int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
    for (int q = 0; q < Quads; q += narrow) {
      int16x8_t products[2] = {vdupq_n_s16(0), vdupq_n_s16(0)};
      for (int i = q; i < q + narrow; ++i) {
        const int8x16_t level = vreinterpretq_s8_u8(levels[i]), quad = broadcast_quad(x + 4 * i);
        products[0] = vmlal_s8(products[0], vget_low_s8(level), vget_low_s8(quad));
        products[1] = vmlal_high_s8(products[1], level, quad);
      }
      low = vpadalq_s16(low, products[0]);
      high = vpadalq_s16(high, products[1]);
    }
    return vcvtq_f32_s32(vaddq_s32(vreinterpretq_s32_u8(start), vpaddq_s32(low, high)));
  }

 private:
  /// Four bytes of activations in every lane.
  LINNET_ALWAYS_INLINE static int8x16_t broadcast_quad(const std::int8_t* x) {
    std::int32_t quad;
    __builtin_memcpy(&quad, x, sizeof quad);
    return vreinterpretq_s8_s32(vdupq_n_s32(quad));
  }
};

}  // namespace

extern constexpr Table neon_table = make_table<Neon>();

}  // namespace linnet::kernels
