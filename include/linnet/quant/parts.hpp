// quant/parts.hpp - a block taken apart into whole numbers: what integer kernels interleave. Never a float.
#pragma once

#include <cstdint>

#include <linnet/base/config.hpp>
#include <linnet/base/half.hpp>

namespace linnet::quant {

/// A block as
///   y[i] = d * (scale[g] - scale_bias) * value(level[i]) - min_sign * dmin * min[g],   g = i / group_length,
/// where value(q) is q - level_bias, or an entry of a table, or q as a signed byte.
struct Parts {
  Half d = {0}, dmin = {0};
  std::uint8_t level[256];
  std::uint8_t scale[16];
  std::uint8_t min[16];
};

/// What kinds of whole numbers a block has beside its levels. A kernel keeps them in no more bits than the
/// file.
enum class GroupFields {
  none,          // one group: scale and min are 1
  exponent,      // one group: scale[0] is the exponent of a power of two, in the place of d
  six_pairs,     // 8 scales and 8 minima of six bits
  six,           // 16 scales of six bits
  six_of_eight,  // 8 scales of six bits
  bytes,         // 16 scales of eight bits
  nibble_pairs,  // 16 scales and 16 minima of four bits
};

/// How a format's blocks come apart.
struct Packing {
  int low_bits = 4;   // of a level: 2, 4 or 8 ...
  int high_bits = 0;  // ... and 0, 1 or 2 above them
  int group_length = 32;
  GroupFields fields = GroupFields::none;
  int level_bias = 0;
  int scale_bias = 0;
  bool has_min = false;
  float min_sign = 1;
  bool is_signed = false;  // levels are signed bytes, or indexes into a table of them (`table()`)
  bool has_table = false;
  /// Where a table's values are small and not is_signed: with this added they are 0 to 2 * table_bias - 1.
  int table_bias = 0;

  /// What a kernel's levels are too large by, where they are not signed.
  constexpr int bias() const { return has_table ? table_bias : level_bias; }
  /// The largest magnitude of what a kernel multiplies: the level itself, its bias not yet taken off.
  constexpr int largest_level() const {
    if (is_signed) return 128;
    return has_table ? 2 * table_bias - 1 : (1 << (low_bits + high_bits)) - 1;
  }
};

/// level[0 .. 16) from the low halves of 16 bytes, level[16 .. 32) from the high halves.
LINNET_ALWAYS_INLINE void split_nibbles(const std::uint8_t* qs, std::uint8_t* level) noexcept {
  for (int i = 0; i < 16; ++i) level[i] = qs[i] & 15;
  for (int i = 0; i < 16; ++i) level[i + 16] = qs[i] >> 4;
}

}  // namespace linnet::quant
