// ops/tiled_matmul.hpp - matrix products of interleaved weights with many tokens, on tile registers: blocks
// are unpacked to bfloat16, scale and all, so that sums run over all columns without a break. Never rounds a
// sum.
#pragma once

#include <linnet/kernels/table.hpp>

#include "packed_tile.hpp"
#include "tile_products.hpp"

namespace linnet::kernels {

// Tiles are 1 KiB. One of activations holds 16 tokens by 32 columns. One of weights is a chunk of a packed
// group, 32 columns of 16 rows, as pairs of neighbouring columns: [16 pairs][16 rows][2], which is how tile
// products want their right side. One of sums holds 16 tokens by 16 rows as floats.
//
// A panel of weights is two groups (32 rows) by 256 columns: with as many of 32 tokens it fits the first
// cache of 48 KB, so that it stays there while all tokens pass by. Meanwhile the next panel is unpacked, some
// instructions of one after some of the other, since the tile unit works beside the vector units but neither
// looks far ahead, and the one after that is asked for.
//
// Weights are cut to bfloat16 and not rounded, which would be a fifth of the instructions. A number m in
// [1, 2) loses 2^-8 by that on average; so scales are enlarged first by the mean of 2^-8 / m, the logarithms
// of m being spread evenly. What is left is no bias, and the error of rounding and 6 % more.

/// One call's memory and shape.
template <class Isa, class Format>
class TiledProduct {
  using Tiles = typename Isa::Tiles;
  using Tile = PackedTile<Isa, Format>;
  using Layout = PackedLayout<Format, Isa::rows>;
  using V = typename Isa::Vector;
  static constexpr std::int64_t tile_bytes = TiledActivations::tile_bytes, tile_floats = tile_bytes / 4;
  static constexpr std::int64_t panel_chunks = TiledMatmulArgs::panel_cols / 32;
  static constexpr int panel_groups = 2;  // of 16 rows
  static constexpr std::int64_t panel_bytes = TiledMatmulArgs::panel_bytes;
  static constexpr float enlarged = 1 + 0.72134752f / 256;  // 1 / (2 ln 2)
  static_assert(Isa::rows == 16);

 public:
  explicit TiledProduct(const TiledMatmulArgs& args)
      : a_(args),
        chunks_(args.x.cols / 32),
        blocks_(args.x.cols / Format::block_length),
        table_(Tile::make_table()),
        panels_(args.scratch),
        sums_(reinterpret_cast<float*>(args.scratch + 2 * panel_bytes)) {}

  void run() {
    Tiles::begin();
    constexpr std::int64_t most_rows = TiledMatmulArgs::block_rows,
                           most_tokens = TiledMatmulArgs::block_tokens;
    for (std::int64_t t = 0; t < a_.x.tokens; t += most_tokens)
      for (std::int64_t row = a_.row_begin; row < a_.row_end; row += most_rows)
        multiply(row, row + most_rows < a_.row_end ? row + most_rows : a_.row_end, t,
                 t + most_tokens < a_.x.tokens ? t + most_tokens : a_.x.tokens);
    Tiles::end();
  }

 private:
  /// Which columns of which rows a panel holds.
  struct Panel {
    std::int64_t row, first_chunk, chunks, groups;
  };

  /// y for rows [row_begin, row_end) and tokens [token_begin, token_end): the sums stay here until all
  /// columns are in.
  void multiply(std::int64_t row_begin, std::int64_t row_end, std::int64_t token_begin,
                std::int64_t token_end) {
    constexpr std::int64_t rows_of_panel = panel_groups * Isa::rows;
    const std::int64_t across = (row_end - row_begin + rows_of_panel - 1) / rows_of_panel;
    const std::int64_t count = across * ((chunks_ + panel_chunks - 1) / panel_chunks);
    const std::int64_t token_tiles = (token_end - token_begin + 15) / 16;
    const auto panel_at = [&](std::int64_t i) {
      const std::int64_t row = row_begin + i % across * rows_of_panel, chunk = i / across * panel_chunks;
      return Panel{row, chunk, chunk + panel_chunks < chunks_ ? panel_chunks : chunks_ - chunk,
                   groups_from(row)};
    };
    const auto place_of = [&](std::int64_t i) { return panels_ + i % 2 * panel_bytes; };
    const auto sums_of = [&](std::int64_t i) {
      return sums_ + i % across * panel_groups * token_tiles * tile_floats;
    };
    PanelProducts<Tiles> products;
    for (std::int64_t i = 0; i < count; ++i) {
      const Panel panel = panel_at(i);
      unpack(panel, i + 1 < count ? panel_at(i + 1) : panel, place_of(i), products);
      products.finish();
      products = PanelProducts<Tiles>(
          {.weights = place_of(i),
           .group_bytes = panel.chunks * tile_bytes,
           .x = a_.x.data + (token_begin / 16 * chunks_ + panel.first_chunk) * tile_bytes,
           .token_bytes = chunks_ * tile_bytes,
           .sums = sums_of(i),
           .groups = panel.groups,
           .token_tiles = token_tiles,
           .chunks = panel.chunks,
           .adds = panel.first_chunk > 0});
    }
    products.finish();
    for (std::int64_t i = 0; i < across; ++i)
      write(row_begin + i * rows_of_panel, token_begin, token_end, sums_of(i));
  }

  const std::byte* weights_at(const Panel& panel, std::int64_t group, std::int64_t block) const {
    return a_.weights +
           ((panel.row / Isa::rows + group) * blocks_ + panel.first_chunk / Layout::chunks + block) *
               Layout::tile_bytes;
  }

  /// Unpacks a panel, asks for the one after it, and meanwhile takes the steps of `products`, one after every
  /// so many quads.
  void unpack(const Panel& panel, const Panel& after, std::byte* to, PanelProducts<Tiles>& products) const {
    constexpr std::int64_t chunk_bytes = Layout::tile_bytes / Layout::chunks;
    const std::int64_t steps = products.left(), turns = panel.groups * panel.chunks * turns_of_chunk;
    std::int64_t due = 0;
    const auto meanwhile = [&]() __attribute__((always_inline)) {
      for (due += steps; due >= turns; due -= turns) products.step();
    };
    const std::ptrdiff_t ahead = weights_at(after, 0, 0) - weights_at(panel, 0, 0);
    for (std::int64_t group = 0; group < panel.groups; ++group)
      for (std::int64_t block = 0; block < panel.chunks / Layout::chunks; ++block) {
        Tile tile;
        typename Tile::Groups groups;
        tile.load(weights_at(panel, group, block), table_);
        tile.load_groups(groups);
        for (int chunk = 0; chunk < Layout::chunks; ++chunk, to += tile_bytes) {
          prefetch_far<chunk_bytes>(tile.tile + chunk * chunk_bytes + ahead);
          unpack_chunk(tile, groups, chunk, to, meanwhile);
        }
      }
  }

  static constexpr int turns_of_chunk = 4;

  template <class Meanwhile>
  LINNET_ALWAYS_INLINE static void unpack_chunk(const Tile& tile, const typename Tile::Groups& groups,
                                                int chunk, std::byte* to, const Meanwhile& meanwhile) {
    constexpr int groups_of_chunk = 32 / Format::packing.group_length;
    constexpr bool has_min = Format::packing.has_min;
    constexpr float bias = Isa::byte_bias + (has_min ? 0 : Tile::level_offset);
    typename Isa::Bytes quads[8];
    tile.load_levels(chunk, quads);
    // Read before anything is stored, which might be the same memory for all that the compiler knows.
    V scale[groups_of_chunk], least[groups_of_chunk];
    for (int g = 0; g < groups_of_chunk; ++g) {
      scale[g] = groups.scale[chunk * groups_of_chunk + g] * V(enlarged);
      least[g] = scale[g] * V(bias);
      if constexpr (has_min) least[g] = fma(groups.min[chunk * groups_of_chunk + g], V(enlarged), least[g]);
    }
    unroll<turns_of_chunk>([&](auto turn) __attribute__((always_inline)) {
      unroll<2>([&](auto half) __attribute__((always_inline)) {
        constexpr int q = turn + 4 * half, g = q * groups_of_chunk / 8;
        V value[4];
        unroll<4>([&](auto i) __attribute__((always_inline)) {
          value[i] = fms(Isa::template biased_byte<i>(quads[q]), scale[g], least[g]);
        });
        Isa::store_cut_pairs(value[0], value[1], to + 128 * q);
        Isa::store_cut_pairs(value[2], value[3], to + 128 * q + 64);
      });
      meanwhile();
    });
  }

  /// The sums of a panel's rows, to y.
  void write(std::int64_t row, std::int64_t token_begin, std::int64_t token_end, const float* sums) const {
    const std::int64_t groups = groups_from(row);
    for (std::int64_t t = 0; t < token_end - token_begin; ++t)
      for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t first = row + g * Isa::rows;
        store(V::load_unaligned(sums + (t / 16 * groups + g) * tile_floats + t % 16 * 16),
              a_.y + (token_begin + t) * a_.y_stride + first, a_.row_end - first);
      }
  }

  std::int64_t groups_from(std::int64_t row) const { return a_.row_end - row > Isa::rows ? panel_groups : 1; }

  const TiledMatmulArgs& a_;
  std::int64_t chunks_, blocks_;
  typename Tile::Table table_;
  std::byte* panels_;  // two
  float* sums_;
};

template <class Isa, class Format>
void tiled_matmul(const TiledMatmulArgs& a) noexcept {
  TiledProduct<Isa, Format>(a).run();
}

/// One token's row of each of its tiles.
template <class Isa>
void tile_activations(const float* x, const TiledActivations& to, std::int64_t token) noexcept {
  for (std::int64_t c = 0; c < to.cols / 32; ++c) {
    auto* const row =
        reinterpret_cast<BFloat16*>(to.data + (token / 16 * (to.cols / 32) + c) * to.tile_bytes) +
        token % 16 * 32;
    for (int i = 0; i < 32; ++i) row[i] = to_bfloat16(x[32 * c + i]);
  }
}

}  // namespace linnet::kernels
