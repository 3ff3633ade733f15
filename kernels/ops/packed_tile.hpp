// ops/packed_tile.hpp - a tile of interleaved weights in registers: levels as bytes, scales and minima as
// floats. Never multiplies.
#pragma once

#include <linnet/kernels/table.hpp>

#include "packed_layout.hpp"
#include "vector.hpp"

namespace linnet::kernels {

/// One tile's numbers in registers, for a format on an instruction set.
template <class Isa, class Format>
struct PackedTile {
  using Layout = PackedLayout<Format, Isa::rows>;
  using Bytes = typename Isa::Bytes;
  using V = typename Isa::Vector;
  using Table = decltype(Isa::broadcast_table(quant::NibbleTable{}.value));
  static constexpr quant::Packing packing = Layout::packing;
  /// What a level is too large by as load_levels() gives it.
  static constexpr int level_offset = packing.is_signed ? Isa::signed_bias : packing.bias();

  const std::byte* tile;
  V d, dmin;
  Table table;

  /// The table of the format as the products want it; made once per call of the kernel.
  LINNET_ALWAYS_INLINE static Table make_table() {
    quant::NibbleTable values{};
    if constexpr (packing.has_table) values = Format::table();
    for (auto& v : values.value)
      v = static_cast<std::int8_t>(packing.is_signed ? v ^ Isa::signed_bias : v + packing.table_bias);
    return Isa::broadcast_table(values.value);
  }

  LINNET_ALWAYS_INLINE void load(const std::byte* from, const Table& values) {
    tile = from;
    table = values;
    if constexpr (Layout::has_d) {
      d = Isa::load_halves(tile + Layout::d_offset);
    } else {
      d = Isa::load_exponents(tile + Layout::levels_bytes);
    }
    if constexpr (packing.has_min) dmin = V(packing.min_sign) * Isa::load_halves(tile + Layout::dmin_offset);
  }

  /// The eight quads of a chunk.
  LINNET_ALWAYS_INLINE void load_levels(int chunk, Bytes (&quads)[8]) const {
    const std::byte* from = tile + chunk * Layout::chunk_registers * Layout::register_bytes;
    Bytes planes[Layout::chunk_registers];
    for (int r = 0; r < Layout::chunk_registers; ++r)
      planes[r] = Isa::load(from + r * Layout::register_bytes);
    unpack_quads(planes, quads, std::make_integer_sequence<int, 8>());
  }

  /// Scales and minima of all groups of the block: the value of a level is scale * (level - level_offset) -
  /// min, with min where the format has one.
  struct Groups {
    static constexpr int count = Format::block_length / packing.group_length;
    V scale[count], min[packing.has_min ? count : 1];
  };
  LINNET_ALWAYS_INLINE void load_groups(Groups& groups) const {
    load_groups(groups, std::make_integer_sequence<int, Groups::count>());
  }

 private:
  template <int... Group>
  LINNET_ALWAYS_INLINE void load_groups(Groups& groups, std::integer_sequence<int, Group...>) const {
    (load_group<Group>(groups.scale[Group], groups.min[packing.has_min ? Group : 0]), ...);
  }

  // Each is written once: a store may alias what the next one is made of.
  template <int Group>
  LINNET_ALWAYS_INLINE void load_group(V& scale, V& min) const {
    constexpr bool has_fields =
        packing.fields != quant::GroupFields::none && packing.fields != quant::GroupFields::exponent;
    V own_scale = d;
    if constexpr (has_fields)
      own_scale = d * (Isa::to_float(scale_field<Group>()) - V(static_cast<float>(packing.scale_bias)));
    scale = own_scale;
    if constexpr (packing.has_min && has_fields) {
      min = dmin * Isa::to_float(min_field<Group>());
    } else if constexpr (packing.has_min) {
      min = dmin;
    }
  }

  template <int... Quad>
  LINNET_ALWAYS_INLINE void unpack_quads(const Bytes* planes, Bytes (&quads)[8],
                                         std::integer_sequence<int, Quad...>) const {
    ((quads[Quad] = unpack_quad<Quad>(planes)), ...);
  }

  template <int Quad>
  LINNET_ALWAYS_INLINE Bytes unpack_quad(const Bytes* planes) const {
    Bytes low;
    if constexpr (packing.low_bits == 8) low = planes[Quad];
    if constexpr (packing.low_bits == 4) low = take_bits<4 * (Quad / 4), 4>(planes[Quad % 4]);
    if constexpr (packing.low_bits == 2) low = take_bits<2 * (Quad % 4), 2>(planes[Quad / 4]);
    if constexpr (packing.high_bits == 1) low = put_bits<Quad, 1>(low, planes[Layout::low_registers]);
    if constexpr (packing.high_bits == 2)
      low = put_bits<2 * (Quad % 4), 2>(low, planes[Layout::low_registers + Quad / 4]);
    if constexpr (packing.has_table) return Isa::lookup(table, low);
    if constexpr (packing.is_signed && !packing.has_table && Isa::signed_bias != 0)
      return Isa::bit_xor(low, Isa::broadcast(0x80808080u));
    return low;
  }

  /// Bits [From, From + Count) of every byte of a plane, alone.
  template <int From, int Count>
  LINNET_ALWAYS_INLINE static Bytes take_bits(Bytes plane) {
    if constexpr (From + Count == 8 && requires { Isa::template top_bits<Count>(plane); }) {
      return Isa::template top_bits<Count>(plane);
    } else {
      constexpr std::uint32_t mask = 0x01010101u * ((1u << Count) - 1);
      return Isa::bit_and(Isa::template shift<-From>(plane), Isa::broadcast(mask));
    }
  }

  /// The same bits, above the low bits of every byte.
  template <int From, int Count>
  LINNET_ALWAYS_INLINE static Bytes put_bits(Bytes low, Bytes plane) {
    constexpr int to = packing.low_bits;
    const Bytes mask = Isa::broadcast(0x01010101u * ((1u << Count) - 1) << to);
    const Bytes shifted = Isa::template shift<to - From>(plane);
    if constexpr (requires { Isa::bit_select(mask, shifted, low); }) {
      return Isa::bit_select(mask, shifted, low);
    } else {
      return Isa::bit_or(low, Isa::bit_and(shifted, mask));
    }
  }

  LINNET_ALWAYS_INLINE Bytes field_register(int r) const {
    return Isa::load(tile + Layout::levels_bytes + r * Layout::register_bytes);
  }

  template <int Field>
  LINNET_ALWAYS_INLINE Bytes six_bits() const {
    if constexpr (Field < 15) {
      return Isa::bit_and(Isa::template shift<-6 * (Field % 5)>(field_register(Field / 5)),
                          Isa::broadcast(63));
    } else {
      const Bytes low = Isa::template shift<-30>(field_register(0));
      const Bytes middle = Isa::template shift<2>(Isa::template shift<-30>(field_register(1)));
      const Bytes high = Isa::template shift<4>(Isa::template shift<-30>(field_register(2)));
      return Isa::bit_or(Isa::bit_or(low, middle), high);
    }
  }

  template <int Field>
  LINNET_ALWAYS_INLINE Bytes six_bits_of_eight() const {
    if constexpr (Field < 5) {
      return Isa::bit_and(Isa::template shift<-6 * Field>(field_register(0)), Isa::broadcast(63));
    } else {
      const Bytes rest = Isa::load_words(tile + Layout::levels_bytes + Layout::register_bytes);
      if constexpr (Field < 7)
        return Isa::bit_and(Isa::template shift<-6 * (Field - 5)>(rest), Isa::broadcast(63));
      return Isa::bit_or(Isa::template shift<-30>(field_register(0)),
                         Isa::template shift<2>(Isa::template shift<-12>(rest)));
    }
  }

  template <int Group>
  LINNET_ALWAYS_INLINE Bytes scale_field() const {
    using quant::GroupFields;
    if constexpr (packing.fields == GroupFields::six_of_eight) {
      return six_bits_of_eight<Group>();
    } else if constexpr (packing.fields == GroupFields::bytes ||
                         packing.fields == GroupFields::nibble_pairs) {
      return Isa::bit_and(Isa::template shift<-8 * (Group % 4)>(field_register(Group / 4)),
                          Isa::broadcast(packing.fields == GroupFields::bytes ? 255 : 15));
    } else {
      return six_bits<Group>();
    }
  }

  template <int Group>
  LINNET_ALWAYS_INLINE Bytes min_field() const {
    if constexpr (packing.fields == quant::GroupFields::nibble_pairs)
      return Isa::bit_and(Isa::template shift<-8 * (Group % 4) - 4>(field_register(Group / 4)),
                          Isa::broadcast(15));
    else
      return six_bits<8 + Group>();
  }
};

/// What is the same for all tokens, computed once for a block. A function of its own where it is long, so
/// that the kernels for different numbers of tokens share it.
template <class Isa, class Format>
[[gnu::noinline]] void load_many_groups(
    const PackedTile<Isa, Format>& tile,
    typename PackedTile<Isa, Format>::Groups& __restrict groups) noexcept {
  const PackedTile<Isa, Format> own = tile;
  own.load_groups(groups);
}

/// Asks for bytes that will be read later, for the second cache, which can wait for more lines at once than
/// the first.
template <int Bytes>
LINNET_ALWAYS_INLINE void prefetch_far(const std::byte* from) {
  constexpr int line = 64, only_read = 0, second_cache = 2;
  for (int i = 0; i < Bytes; i += line) __builtin_prefetch(from + i, only_read, second_cache);
}

/// The same for weights that are read in a row: far ahead into the second cache, then into the first. They
/// come from memory, which takes longer to answer than the processor looks ahead by itself. Distances are
/// measured: see docs/kernels.md.
template <int Bytes>
LINNET_ALWAYS_INLINE void prefetch(const std::byte* now) {
  constexpr int line = 64, far = 8192, near = 2048;
  for (int i = 0; i < Bytes; i += line) {
    prefetch_far<1>(now + far + i);
    __builtin_prefetch(now + near + i, 0, 3);
  }
}

}  // namespace linnet::kernels
