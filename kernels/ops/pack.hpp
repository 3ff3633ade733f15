// ops/pack.hpp - interleaves the blocks of several rows as packed_layout.hpp says. Never changes a level.
#pragma once

#include <cstring>

#include <linnet/base/shuffle.hpp>

#include "packed_layout.hpp"

namespace linnet::kernels {

/// A word of each of four rows, or four words of one: a vector type of the compiler, which makes the best of
/// it on every instruction set.
inline constexpr int rows_together = 4;
using FourRows = std::uint32_t __attribute__((vector_size(16)));

/// The quads of one row's chunk of 32 levels.
LINNET_ALWAYS_INLINE void gather_quads(const quant::Parts* row, int chunk, std::uint32_t (&quads)[8]) {
  std::memcpy(quads, row->level + 32 * chunk, sizeof quads);
}

/// The quads of four rows' chunks: quads[q] holds quad q of every row.
LINNET_ALWAYS_INLINE void gather_quads(const quant::Parts* rows, int chunk, FourRows (&quads)[8]) {
  for (int half = 0; half < 2; ++half) {
    FourRows row[rows_together];
    for (int r = 0; r < rows_together; ++r)
      std::memcpy(&row[r], rows[r].level + 32 * chunk + 16 * half, sizeof row[r]);
    const FourRows low01 = shuffle<0, 4, 1, 5>(row[0], row[1]);
    const FourRows low23 = shuffle<0, 4, 1, 5>(row[2], row[3]);
    const FourRows high01 = shuffle<2, 6, 3, 7>(row[0], row[1]);
    const FourRows high23 = shuffle<2, 6, 3, 7>(row[2], row[3]);
    quads[4 * half] = shuffle<0, 1, 4, 5>(low01, low23);
    quads[4 * half + 1] = shuffle<2, 3, 6, 7>(low01, low23);
    quads[4 * half + 2] = shuffle<0, 1, 4, 5>(high01, high23);
    quads[4 * half + 3] = shuffle<2, 3, 6, 7>(high01, high23);
  }
}

/// A chunk's levels of one row or of four, into their lanes of the chunk's registers.
template <class Layout, class Lanes>
LINNET_ALWAYS_INLINE void pack_levels(const Lanes (&quads)[8], std::byte* lanes) {
  constexpr quant::Packing p = Layout::packing;
  const auto write = [&](int r, const Lanes& bits) __attribute__((always_inline)) {
    std::memcpy(lanes + r * Layout::register_bytes, &bits, sizeof bits);
  };
  constexpr std::uint32_t low_mask = 0x01010101u * ((1u << p.low_bits) - 1);
  const auto low_bits = [&](int q) __attribute__((always_inline)) {
    return p.high_bits == 0 ? quads[q] : quads[q] & low_mask;
  };
  constexpr std::uint32_t high_mask = 0x01010101u * ((1u << p.high_bits) - 1) << p.low_bits;
  const auto high_bits = [&](int q, int to) __attribute__((always_inline)) {
    const Lanes bits = quads[q] & high_mask;
    return to < p.low_bits ? bits >> (p.low_bits - to) : bits << (to - p.low_bits);
  };
  for (int r = 0; r < p.low_bits; ++r) {
    Lanes low{};
    if (p.low_bits == 8) low = quads[r];
    if (p.low_bits == 4) low = low_bits(r % 4) | low_bits(r % 4 + 4) << 4;
    if (p.low_bits == 2)
      for (int i = 0; i < 4; ++i) low |= low_bits((4 * r + i) % 8) << 2 * i;
    write(r, low);
  }
  for (int r = 0; r < p.high_bits; ++r) {
    Lanes high{};
    if (p.high_bits == 1)
      for (int q = 0; q < 8; ++q) high |= high_bits(q, q);
    if (p.high_bits == 2)
      for (int i = 0; i < 4; ++i) high |= high_bits((4 * r + i) % 8, 2 * i);
    write(Layout::low_registers + r, high);
  }
}

LINNET_ALWAYS_INLINE void write_lane(std::uint32_t lane, std::byte* to) {
  std::memcpy(to, &lane, sizeof lane);
}

/// Sixteen fields of six bits in three lanes: five in each, the last in the two bits that each has left.
LINNET_ALWAYS_INLINE void pack_six(const std::uint8_t* fields, int register_bytes, std::byte* lane) {
  for (int r = 0; r < 3; ++r) {
    std::uint32_t word = ((std::uint32_t{fields[15]} >> 2 * r) & 3u) << 30;
    for (int i = 0; i < 5; ++i) word |= std::uint32_t{fields[5 * r + i]} << 6 * i;
    write_lane(word, lane + r * register_bytes);
  }
}

/// One row's scales and minima, into its lane of the registers that follow the levels.
template <class Layout, int Rows>
LINNET_ALWAYS_INLINE void pack_fields(const quant::Parts& parts, int row, std::byte* fields) {
  using quant::GroupFields;
  constexpr GroupFields kind = Layout::packing.fields;
  std::byte* const lane = fields + 4 * row;
  if constexpr (kind == GroupFields::exponent) fields[row] = std::byte{parts.scale[0]};
  if constexpr (kind == GroupFields::six) pack_six(parts.scale, Layout::register_bytes, lane);
  if constexpr (kind == GroupFields::six_pairs) {
    std::uint8_t both[16];
    for (int g = 0; g < 8; ++g) both[g] = parts.scale[g], both[g + 8] = parts.min[g];
    pack_six(both, Layout::register_bytes, lane);
  }
  if constexpr (kind == GroupFields::six_of_eight) {
    std::uint32_t word = (parts.scale[7] & 3u) << 30;
    for (int g = 0; g < 5; ++g) word |= std::uint32_t{parts.scale[g]} << 6 * g;
    const auto rest =
        static_cast<std::uint16_t>(parts.scale[5] | parts.scale[6] << 6 | parts.scale[7] >> 2 << 12);
    write_lane(word, lane);
    std::memcpy(fields + Layout::register_bytes + 2 * row, &rest, sizeof rest);
  }
  if constexpr (kind == GroupFields::bytes || kind == GroupFields::nibble_pairs) {
    std::uint8_t bytes[16];
    for (int g = 0; g < 16; ++g)
      bytes[g] = kind == GroupFields::bytes ? parts.scale[g]
                                            : static_cast<std::uint8_t>(parts.scale[g] | parts.min[g] << 4);
    for (int r = 0; r < 4; ++r) std::memcpy(lane + r * Layout::register_bytes, bytes + 4 * r, 4);
  }
}

/// Lanes [row, row + the rows that Lanes holds) of a tile, from those rows' blocks.
template <class Format, int Rows, class Lanes>
LINNET_ALWAYS_INLINE void pack_lanes(const quant::Parts* rows, int row, std::byte* tile) {
  using Layout = PackedLayout<Format, Rows>;
  constexpr int count = sizeof(Lanes) / sizeof(std::uint32_t);
  for (int c = 0; c < Layout::chunks; ++c) {
    Lanes quads[8];
    gather_quads(rows, c, quads);
    pack_levels<Layout>(quads, tile + c * Layout::chunk_registers * Layout::register_bytes + 4 * row);
  }
  for (int r = 0; r < count; ++r) pack_fields<Layout, Rows>(rows[r], row + r, tile + Layout::levels_bytes);
  // In one word: where halves are stored one by one, a compiler loads two of them again as one word, which
  // has to wait until they left the store buffer.
  std::uint64_t d = 0, dmin = 0;
  for (int r = 0; r < count; ++r) {
    d |= std::uint64_t{rows[r].d.bits} << 16 * r;
    dmin |= std::uint64_t{rows[r].dmin.bits} << 16 * r;
  }
  if constexpr (Layout::has_d) std::memcpy(tile + Layout::d_offset + 2 * row, &d, 2 * count);
  if constexpr (Layout::packing.has_min) std::memcpy(tile + Layout::dmin_offset + 2 * row, &dmin, 2 * count);
}

/// Interleaves rows [row_begin, row_end), row_begin a multiple of Rows. Lanes past the last row become zeros.
template <class Isa, class Format>
void pack(const std::byte* weights, std::int64_t row_bytes, std::int64_t cols, std::int64_t row_begin,
          std::int64_t row_end, std::byte* packed) noexcept {
  constexpr int rows = Isa::rows;
  using Block = typename Format::Block;
  constexpr int tile_bytes = PackedLayout<Format, rows>::tile_bytes;
  const std::int64_t blocks = cols / Format::block_length;
  for (std::int64_t row = row_begin; row < row_end; row += rows) {
    std::byte* const group = packed + row / rows * blocks * tile_bytes;
    const int present = row_end - row < rows ? static_cast<int>(row_end - row) : rows;
    if (present < rows) std::memset(group, 0, static_cast<std::size_t>(blocks * tile_bytes));
    for (std::int64_t b = 0; b < blocks; ++b) {
      quant::Parts parts[rows_together];
      const auto split = [&](int r, int into) __attribute__((always_inline)) {
        const Block* const block = reinterpret_cast<const Block*>(weights + (row + r) * row_bytes) + b;
        // What will be read next, when these rows are done.
        for (std::size_t i = 0; i < sizeof(Block); i += 64)
          __builtin_prefetch(reinterpret_cast<const std::byte*>(block) + 2 * rows_together * row_bytes + i, 0,
                             2);
        Format::split(*block, parts[into]);
      };
      int r = 0;
      for (; r + rows_together <= present; r += rows_together) {
        for (int i = 0; i < rows_together; ++i) split(r + i, i);
        pack_lanes<Format, rows, FourRows>(parts, r, group + b * tile_bytes);
      }
      for (; r < present; ++r) {
        split(r, 0);
        pack_lanes<Format, rows, std::uint32_t>(parts, r, group + b * tile_bytes);
      }
    }
  }
}

}  // namespace linnet::kernels
