// isa/bytes_scalar.hpp - four bytes at a time in a plain integer: the reference for the byte arithmetic of
// all others.
#pragma once

#include <bit>
#include <cstring>

#include "../ops/vector.hpp"

namespace linnet::kernels {
namespace {

// What a policy offers to ops/packed_*.hpp beside `name` and `Vector`:
// - rows: lanes of a register, one row of weights each; Vector has as many floats.
// - tokens: how many tokens a pass over the weights serves at most; a multiple of 4.
// - token_piece: how many of a token's bytes lie together (see Activations): 32, or 8 with dot_pair.
// - signed_bias: added to signed levels before they are multiplied: 128 where products want them unsigned.
// - load, broadcast, broadcast_table, bit_and, bit_or, bit_xor, lookup.
// - shift<n>: of 32 bits; left where n > 0.
// - top_bits<n>, where there are shifts of bytes: the n highest bits of each, alone.
// - bit_select(mask, a, b), where there is one instruction for it: a's bits where the mask's are 1, else b's.
// - to_float: whole numbers of 32 bits; as_float: floats of the same bits.
// - load_halves, load_words, load_exponents: one two-byte or one-byte number for each row.
// - largest: of a vector's floats; ops/attention.hpp asks for it, too.
// - store_rounded: 32 floats of at most 127 in magnitude to the nearest whole numbers, ties to even, as
// bytes; and the
//   sums of these over each half.
// - dot<Quads, Signed, Largest>: `start` and the sum over 4 * Quads columns of level * x, for each row, as
// floats.
//   Levels are at most Largest in magnitude, x is at least -127.
// - dot_pair<Quads>, where token_piece is 8: the same for two neighbours of four tokens.
// - bands and dots<...>, where it pays: the same for four tokens and `bands` times `rows` rows at once. With
//   sums_apart in two parts instead: begin_dots<...>, then finish_dot<...> for each sum.
struct ScalarBytes {
  using Vector = ScalarVector;
  using Bytes = std::uint32_t;
  struct Table {
    std::int8_t value[16];
  };
  static constexpr int rows = 1;
  static constexpr int tokens = 4;
  static constexpr int token_piece = 32;
  static constexpr int signed_bias = 0;

  LINNET_ALWAYS_INLINE static Bytes load(const std::byte* p) {
    Bytes bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    return bytes;
  }
  LINNET_ALWAYS_INLINE static Bytes broadcast(std::uint32_t word) { return word; }
  LINNET_ALWAYS_INLINE static Bytes bit_and(Bytes a, Bytes b) { return a & b; }
  LINNET_ALWAYS_INLINE static Bytes bit_or(Bytes a, Bytes b) { return a | b; }
  LINNET_ALWAYS_INLINE static Bytes bit_xor(Bytes a, Bytes b) { return a ^ b; }
  template <int n>
  LINNET_ALWAYS_INLINE static Bytes shift(Bytes a) {
    return n > 0 ? a << (n > 0 ? n : 0) : a >> (n < 0 ? -n : 0);
  }
  LINNET_ALWAYS_INLINE static Table broadcast_table(const std::int8_t (&values)[16]) {
    Table table;
    std::memcpy(table.value, values, sizeof table);
    return table;
  }
  LINNET_ALWAYS_INLINE static Bytes lookup(const Table& table, Bytes index) {
    Bytes out = 0;
    for (int i = 0; i < 4; ++i)
      out |= static_cast<Bytes>(static_cast<std::uint8_t>(table.value[(index >> 8 * i) & 15])) << 8 * i;
    return out;
  }
  LINNET_ALWAYS_INLINE static Vector to_float(Bytes a) {
    return static_cast<float>(static_cast<std::int32_t>(a));
  }
  LINNET_ALWAYS_INLINE static Vector as_float(Bytes a) { return std::bit_cast<float>(a); }
  LINNET_ALWAYS_INLINE static Vector load_halves(const std::byte* p) {
    Half half;
    std::memcpy(&half, p, sizeof half);
    return linnet::to_float(half);
  }
  LINNET_ALWAYS_INLINE static Bytes load_words(const std::byte* p) {
    std::uint16_t word;
    std::memcpy(&word, p, sizeof word);
    return word;
  }
  LINNET_ALWAYS_INLINE static Vector load_exponents(const std::byte* p) {
    return quant::MXFP4::scale(static_cast<std::uint8_t>(*p));
  }
  LINNET_ALWAYS_INLINE static float largest(Vector v) { return v.value; }
  LINNET_ALWAYS_INLINE static void store_rounded(const Vector (&x)[32], std::int8_t* bytes,
                                                 std::int32_t (&sums)[2]) {
    constexpr float round_shift = 12582912.0f;  // 1.5 * 2^23 pushes the fraction out of the mantissa
    sums[0] = sums[1] = 0;
    for (int i = 0; i < 32; ++i) {
      bytes[i] = static_cast<std::int8_t>((x[i].value + round_shift) - round_shift);
      sums[i / 16] += bytes[i];
    }
  }
  template <int Quads, bool Signed, int Largest>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    auto sum = static_cast<std::int32_t>(start);
    for (int i = 0; i < 4 * Quads; ++i) {
      const auto byte = static_cast<std::uint8_t>(levels[i / 4] >> 8 * (i % 4));
      sum += (Signed ? static_cast<std::int8_t>(byte) : static_cast<int>(byte)) * x[i];
    }
    return static_cast<float>(sum);
  }
};

}  // namespace
}  // namespace linnet::kernels
