// ops/packed_layout.hpp - where things lie when the blocks of several rows are interleaved, lane by lane.
// Never takes more bits than the file. Never moves anything: pack.hpp does.
#pragma once

#include <cstdint>

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

}  // namespace linnet::kernels
