// ops/packed_layout.hpp - where things lie when the blocks of several rows are interleaved, lane by lane.
// Never takes more bits than the file. Never computes a product.
#pragma once

#include <cstdint>
#include <cstring>

#include <linnet/quant/formats.hpp>

namespace linnet::kernels {

/// A tile holds one block of each of Rows rows, as registers of Rows lanes of four bytes; lane r belongs to
/// row r.
///
/// For every 32 elements: first the low bits of the levels, then the high bits. Four neighbouring elements
/// are a quad, the four bytes of a lane; a chunk of 32 has quads 0 to 7.
///   8 low bits:  register q holds quad q                            (8 registers)
///   4 low bits:  register q holds quads q and q + 4 as nibbles       (4 registers)
///   2 bits:      register q / 4 holds quad q in bits 2 * (q % 4)     (2 registers)
///   1 high bit:  the register holds quad q in bit q                  (1 register)
/// After the levels of all chunks: the groups' scales and minima (see pack_fields), then d and dmin, Rows
/// halves each.
template <class Format, int Rows>
struct PackedLayout {
  static constexpr quant::Packing packing = Format::packing;
  static constexpr int register_bytes = 4 * Rows;
  static constexpr int low_registers = packing.low_bits;
  static constexpr int chunk_registers = packing.low_bits + packing.high_bits;
  static constexpr int chunks = Format::block_length / 32;
  static constexpr int levels_bytes = chunks * chunk_registers * register_bytes;

  static constexpr int fields_bytes() {
    switch (packing.fields) {
      case quant::GroupFields::none:
        return 0;
      case quant::GroupFields::exponent:
        return Rows;
      case quant::GroupFields::six_pairs:
      case quant::GroupFields::six:
        return 3 * register_bytes;
      case quant::GroupFields::six_of_eight:
        return register_bytes + 2 * Rows;
      case quant::GroupFields::bytes:
      case quant::GroupFields::nibble_pairs:
        return 4 * register_bytes;
    }
    return 0;
  }
  static constexpr bool has_d = packing.fields != quant::GroupFields::exponent;
  static constexpr int d_offset = levels_bytes + fields_bytes();
  static constexpr int dmin_offset = d_offset + (has_d ? 2 * Rows : 0);
  static constexpr int tile_bytes = dmin_offset + (packing.has_min ? 2 * Rows : 0);
  static_assert(tile_bytes == Rows * static_cast<int>(sizeof(typename Format::Block)));
};

LINNET_ALWAYS_INLINE std::uint32_t read_quad(const std::uint8_t* levels) {
  std::uint32_t quad;
  std::memcpy(&quad, levels, sizeof quad);
  return quad;
}

LINNET_ALWAYS_INLINE void write_lane(std::uint32_t lane, std::byte* to) {
  std::memcpy(to, &lane, sizeof lane);
}

/// One row's levels of a chunk, into its lane of the chunk's registers.
template <class Layout>
LINNET_ALWAYS_INLINE void pack_levels(const std::uint8_t* levels, std::byte* lane) {
  constexpr quant::Packing p = Layout::packing;
  std::uint32_t quads[8];
  for (int q = 0; q < 8; ++q) quads[q] = read_quad(levels + 4 * q);
  for (int r = 0; r < p.low_bits; ++r) {
    std::uint32_t low = 0;
    if (p.low_bits == 8) low = quads[r];
    if (p.low_bits == 4) low = (quads[r % 4] & 0x0f0f0f0fu) | (quads[r % 4 + 4] & 0x0f0f0f0fu) << 4;
    if (p.low_bits == 2)
      for (int i = 0; i < 4; ++i) low |= (quads[(4 * r + i) % 8] & 0x03030303u) << 2 * i;
    write_lane(low, lane + r * Layout::register_bytes);
  }
  for (int r = 0; r < p.high_bits; ++r) {
    std::uint32_t high = 0;
    if (p.high_bits == 1)
      for (int q = 0; q < 8; ++q) high |= ((quads[q] >> p.low_bits) & 0x01010101u) << q;
    if (p.high_bits == 2)
      for (int i = 0; i < 4; ++i) high |= ((quads[(4 * r + i) % 8] >> p.low_bits) & 0x03030303u) << 2 * i;
    write_lane(high, lane + (Layout::low_registers + r) * Layout::register_bytes);
  }
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
    for (int r = 0; r < 4; ++r) write_lane(read_quad(bytes + 4 * r), lane + r * Layout::register_bytes);
  }
}

/// One block of one row, into lane `row` of a tile.
template <class Format, int Rows>
LINNET_ALWAYS_INLINE void pack_block(const typename Format::Block& block, int row, std::byte* tile) {
  using Layout = PackedLayout<Format, Rows>;
  quant::Parts parts;
  Format::split(block, parts);
  for (int c = 0; c < Layout::chunks; ++c)
    pack_levels<Layout>(parts.level + 32 * c,
                        tile + c * Layout::chunk_registers * Layout::register_bytes + 4 * row);
  pack_fields<Layout, Rows>(parts, row, tile + Layout::levels_bytes);
  if constexpr (Layout::has_d) std::memcpy(tile + Layout::d_offset + 2 * row, &parts.d, sizeof parts.d);
  if constexpr (Layout::packing.has_min)
    std::memcpy(tile + Layout::dmin_offset + 2 * row, &parts.dmin, sizeof parts.dmin);
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
    for (std::int64_t b = 0; b < blocks; ++b)
      for (int r = 0; r < present; ++r)
        pack_block<Format, rows>(reinterpret_cast<const Block*>(weights + (row + r) * row_bytes)[b], r,
                                 group + b * tile_bytes);
  }
}

}  // namespace linnet::kernels
