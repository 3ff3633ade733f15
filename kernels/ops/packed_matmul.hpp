// ops/packed_matmul.hpp - matrix products of interleaved weights with byte
// activations: whole-number dot products within a group, floats between groups.
// One template for every integer format, instruction set, and number of tokens.
#pragma once

#include <bit>

#include <linnet/kernels/table.hpp>

#include "packed_tile.hpp"
#include "vector.hpp"

namespace linnet::kernels {

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
