// ops/packed_matmul.hpp - matrix products of interleaved weights with byte
// activations: whole-number dot products within a group, floats between groups.
// One template for every integer format, instruction set, and number of tokens.
#pragma once

#include <bit>

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

/// Adds a chunk of 32 columns to the sum of one token: scale * (level . x) - min * total(x), of which
/// `products` are level . x of the chunk's groups, one or two. `at` is the token's place within the tile's
/// scales and sums; `scale` and `min` are those of the groups.
template <class Isa, class Format>
LINNET_ALWAYS_INLINE void add_products(const typename Isa::Vector* products,
                                       const typename Isa::Vector* scale, const typename Isa::Vector* min,
                                       const Activations::Tile& x, std::int64_t at,
                                       typename Isa::Vector& sum) {
  using V = typename Isa::Vector;
  constexpr quant::Packing p = Format::packing;
  if constexpr (p.group_length == 32) {
    sum = fma(V(products[0] * V(x.scales[at])), scale[0], sum);
    if constexpr (p.has_min) sum = fnma(min[0], V(x.sums[at]), sum);
  } else {
    const V product = fma(products[1], scale[1], V(products[0] * scale[0]));
    sum = fma(product, V(x.scales[at]), sum);
    if constexpr (p.has_min) {
      sum = fnma(min[0], V(x.half_sums[2 * at]), sum);
      sum = fnma(min[1], V(x.half_sums[2 * at + 1]), sum);
    }
  }
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

/// Bands are groups of Isa::rows rows that are multiplied side by side: what is loaded of the activations
/// serves all of them.
template <class Isa, class Format, int Bands>
struct BandedChunk {
  typename Isa::Bytes quads[Bands][8];
  const typename Isa::Vector* scale[Bands];
  const typename Isa::Vector* min[Bands];
};

/// Where the sum of a group's products starts: at what takes the levels' offset off again, in whole numbers.
template <class Isa, class Format>
LINNET_ALWAYS_INLINE typename Isa::Bytes start_of_products(const Activations::Tile& x, std::int64_t at,
                                                           int group) {
  constexpr bool whole = Format::packing.group_length == 32;
  constexpr int offset = PackedTile<Isa, Format>::level_offset;
  constexpr int least = whole ? Activations::least_offset : Activations::least_half_offset;
  if constexpr (offset == 0) {
    return Isa::broadcast(0);
  } else {
    static_assert(offset % least == 0 && std::has_single_bit(static_cast<unsigned>(offset / least)));
    const std::int32_t start = whole ? x.starts[at] : x.half_starts[2 * at + group];
    return Isa::template shift<std::countr_zero(static_cast<unsigned>(offset / least))>(
        Isa::broadcast(static_cast<std::uint32_t>(start)));
  }
}

/// The products of one group of a chunk with Tokens tokens, one or four; `x` are their bytes from the group
/// on.
template <class Isa, class Format, int Group, int Bands, int Tokens, int Groups>
LINNET_ALWAYS_INLINE void multiply_group(const typename Isa::Bytes (&quads)[Bands][8], const std::int8_t* x,
                                         const typename Isa::Bytes (&start)[Tokens],
                                         typename Isa::Vector (&products)[Bands][Tokens][Groups]) {
  constexpr quant::Packing p = Format::packing;
  constexpr int length = 8 / Groups, largest = p.largest_level();
  if constexpr (Tokens == 4 && requires { Isa::bands; }) {
    Isa::template dots<length, p.is_signed, largest, Group>(quads, x, start, products);
  } else if constexpr (Tokens == 4 && Isa::token_piece == 8) {
    unroll<2>([&](auto pair) __attribute__((always_inline)) {
      Isa::template dot_pair<length>(quads[0] + length * Group, x + 16 * pair, start[2 * pair],
                                     start[2 * pair + 1], products[0][2 * pair][Group],
                                     products[0][2 * pair + 1][Group]);
    });
  } else {
    unroll<Bands * Tokens>([&](auto i) __attribute__((always_inline)) {
      constexpr int band = i / Tokens, t = i % Tokens;
      products[band][t][Group] =
          Isa::template dot<length, p.is_signed, largest>(quads[band] + length * Group, x + 32 * t, start[t]);
    });
  }
}

/// A chunk's products with Tokens tokens, added to their sums. `at` is the place of the first of them.
template <class Isa, class Format, int Tokens, int Bands>
LINNET_ALWAYS_INLINE void multiply_chunk(const BandedChunk<Isa, Format, Bands>& chunk,
                                         const Activations::Tile& x, std::int64_t at,
                                         typename Isa::Vector (*sums)[Bands]) {
  constexpr int groups = 32 / Format::packing.group_length;
  constexpr int token_bytes_of_group = Tokens == 1 || Isa::token_piece == 32 ? 16 : 16 * Tokens;
  typename Isa::Vector products[Bands][Tokens][groups];
  unroll<groups>([&](auto g) __attribute__((always_inline)) {
    typename Isa::Bytes start[Tokens];
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      start[t] = start_of_products<Isa, Format>(x, at + t, g);
    });
    multiply_group<Isa, Format, g>(chunk.quads, x.bytes + 32 * at + token_bytes_of_group * g, start,
                                   products);
  });
  unroll<Bands * Tokens>([&](auto i) __attribute__((always_inline)) {
    constexpr int band = i / Tokens, t = i % Tokens;
    add_products<Isa, Format>(products[band][t], chunk.scale[band], chunk.min[band], x, at + t,
                              sums[t][band]);
  });
}

/// The same for all tokens of a tile, four at a time, where an instruction set has few registers: first all
/// sums of bytes, which wait in the first cache, then their scaling, in a loop that nothing in it waits for.
template <class Isa, class Format, int Bands>
LINNET_ALWAYS_INLINE void multiply_chunk_apart(const BandedChunk<Isa, Format, Bands>& chunk,
                                               const Activations::Tile& x, std::int64_t at,
                                               typename Isa::Vector (*sums)[Bands]) {
  constexpr quant::Packing p = Format::packing;
  constexpr int groups = 32 / p.group_length, length = 8 / groups, largest = p.largest_level();
  typename Isa::Bytes raw[Isa::tokens][Bands][groups];
  for (int t = 0; t < x.width; t += 4)
    unroll<groups>([&](auto g) __attribute__((always_inline)) {
      Isa::template begin_dots<length, p.is_signed, largest, g>(chunk.quads, x.bytes + 32 * (at + t) + 16 * g,
                                                                raw + t);
    });
  for (int first = 0; first < x.width; first += 4)
    unroll<4 * Bands>([&](auto i) __attribute__((always_inline)) {
      constexpr int band = i % Bands;
      const int t = first + i / Bands;
      typename Isa::Vector products[groups];
      unroll<groups>([&](auto g) __attribute__((always_inline)) {
        products[g] = Isa::template finish_dot<length, p.is_signed, largest>(
            raw[t][band][g], start_of_products<Isa, Format>(x, at + t, g));
      });
      add_products<Isa, Format>(products, chunk.scale[band], chunk.min[band], x, at + t, sums[t][band]);
    });
}

/// y[tokens of a tile, rows of Bands bands from `row` on], Tokens tokens at a time: 1, or 4 of a wider tile.
///
/// A chunk of weights is unpacked into registers once and meets all tokens of the tile; their sums pass
/// through the first cache, which costs less than unpacking again for as many as registers could hold.
template <class Isa, class Format, int Tokens, int Bands>
LINNET_ALWAYS_INLINE void multiply_bands(const typename PackedTile<Isa, Format>::Table& table,
                                         const PackedMatmulArgs& a, std::int64_t row, std::int64_t token) {
  using V = typename Isa::Vector;
  using Tile = PackedTile<Isa, Format>;
  using Layout = PackedLayout<Format, Isa::rows>;
  constexpr int groups_of_chunk = 32 / Format::packing.group_length;
  constexpr int chunk_bytes = Layout::tile_bytes / Layout::chunks;  // a chunk's share of the block
  const Activations::Tile x = a.x.tile_at(token);
  const int width = Tokens == 1 ? 1 : x.width;
  const std::int64_t blocks = a.x.cols / Format::block_length, band_bytes = blocks * Layout::tile_bytes;
  const std::byte* const weights = a.weights + row / Isa::rows * band_bytes;
  V sums[Tokens == 1 ? 1 : Isa::tokens][Bands];
  for (int t = 0; t < width; ++t)
    for (V& sum : sums[t]) sum = V(0.0f);
  std::int64_t at = 0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    Tile tile[Bands];
    typename Tile::Groups groups[Bands];
    unroll<Bands>([&](auto band) __attribute__((always_inline)) {
      tile[band].load(weights + band * band_bytes + b * Layout::tile_bytes, table);
      if constexpr (Tile::Groups::count == 1) {
        tile[band].load_groups(groups[band]);
      } else {
        load_many_groups(tile[band], groups[band]);
      }
    });
    for (int c = 0; c < Layout::chunks; ++c, at += width) {
      BandedChunk<Isa, Format, Bands> chunk;
      unroll<Bands>([&](auto band) __attribute__((always_inline)) {
        // Chunk by chunk: all at once, they would have to wait for each other.
        prefetch<chunk_bytes>(tile[band].tile + c * chunk_bytes);
        tile[band].load_levels(c, chunk.quads[band]);
        chunk.scale[band] = groups[band].scale + c * groups_of_chunk;
        chunk.min[band] = groups[band].min + (Format::packing.has_min ? c * groups_of_chunk : 0);
      });
      if constexpr (Tokens == 4 && requires { Isa::sums_apart; }) {
        multiply_chunk_apart<Isa, Format, Bands>(chunk, x, at, sums);
      } else {
        for (int t = 0; t < width; t += Tokens)
          multiply_chunk<Isa, Format, Tokens, Bands>(chunk, x, at + t, sums + t);
      }
    }
  }
  for (int t = 0; t < width; ++t)
    unroll<Bands>([&](auto band) __attribute__((always_inline)) {
      const std::int64_t first = row + band * Isa::rows;
      store(sums[t][band], a.y + (token + t) * a.y_stride + first, a.row_end - first);
    });
}

/// How many bands a kernel takes at once where there are many tokens.
template <class Isa>
constexpr int most_bands() {
  if constexpr (requires { Isa::bands; }) return Isa::bands;
  return 1;
}

template <class Isa, class Format>
void packed_matmul(const PackedMatmulArgs& a) noexcept {
  constexpr int bands = most_bands<Isa>(), rows = Isa::rows;
  const auto table = PackedTile<Isa, Format>::make_table();
  for (std::int64_t row = a.row_begin; row < a.row_end; row += bands * rows) {
    const bool whole = a.row_end - row > (bands - 1) * rows;
    for (std::int64_t t = 0; t < a.x.tokens; t += a.x.width_at(t)) {
      const bool alone = a.x.width_at(t) == 1;
      if (whole && !alone) {
        multiply_bands<Isa, Format, 4, bands>(table, a, row, t);
        continue;
      }
      for (std::int64_t band = row; band < row + bands * rows && band < a.row_end; band += rows) {
        if (alone) {
          multiply_bands<Isa, Format, 1, 1>(table, a, band, t);
        } else {
          multiply_bands<Isa, Format, 4, 1>(table, a, band, t);
        }
      }
    }
  }
}

}  // namespace linnet::kernels
