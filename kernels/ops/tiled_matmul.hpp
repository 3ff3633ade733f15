// ops/tiled_matmul.hpp - matrix products of interleaved weights with many tokens, on tile registers: blocks
// are unpacked to bfloat16, scale and all, so that sums run over all columns without a break. Never rounds a
// sum.
#pragma once

#include <linnet/kernels/table.hpp>

#include "packed_matmul.hpp"

namespace linnet::kernels {

// Tiles are 1 KiB. One of activations holds 16 tokens by 32 columns. One of weights is a chunk of a packed
// group, 32 columns of 16 rows, as pairs of neighbouring columns: [16 pairs][16 rows][2], which is how tile
// products want their right side. One of sums holds 16 tokens by 16 rows as floats.
//
// A panel of weights is two groups (32 rows) by 256 columns: with as many of 32 tokens it fits the first
// cache of 48 KB, so that it stays there while all tokens pass by, and the next panel is unpacked meanwhile,
// between products: the tile unit works beside the vector units.

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
  static_assert(Isa::rows == 16);

 public:
  explicit TiledProduct(const TiledMatmulArgs& args)
      : a_(args),
        chunks_(args.x.cols / 32),
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
    std::int64_t row, first_chunk, chunks;
    int groups;
  };

  /// y for rows [row_begin, row_end) and tokens [token_begin, token_end): the sums stay here until all
  /// columns are in.
  void multiply(std::int64_t row_begin, std::int64_t row_end, std::int64_t token_begin,
                std::int64_t token_end) {
    constexpr std::int64_t panel_rows = panel_groups * Isa::rows;
    const std::int64_t across = (row_end - row_begin + panel_rows - 1) / panel_rows;
    const std::int64_t count = across * ((chunks_ + panel_chunks - 1) / panel_chunks);
    const std::int64_t token_tiles = (token_end - token_begin + 15) / 16;
    const auto panel_at = [&](std::int64_t i) {
      const std::int64_t row = row_begin + i % across * panel_rows, chunk = i / across * panel_chunks;
      return Panel{row, chunk, chunk + panel_chunks < chunks_ ? panel_chunks : chunks_ - chunk,
                   groups_from(row)};
    };
    const auto table = Tile::make_table();
    Unpacking unpacking(a_, table, panel_at(0), panels_);
    unpacking.finish();
    for (std::int64_t i = 0; i < count; ++i) {
      const Panel panel = panel_at(i);
      const std::byte* const weights = panels_ + i % 2 * panel_bytes;
      if (i + 1 < count)
        unpacking = Unpacking(a_, table, panel_at(i + 1), panels_ + (i + 1) % 2 * panel_bytes);
      unpacking.spread_over((token_tiles + 1) / 2 * panel.chunks);
      float* const sums = sums_ + i % across * panel_groups * token_tiles * tile_floats;
      for (std::int64_t t = 0; t < token_tiles; t += 2) {
        const std::byte* const x =
            a_.x.data + ((token_begin / 16 + t) * chunks_ + panel.first_chunk) * tile_bytes;
        float* const to = sums + t * panel_groups * tile_floats;
        const bool two = t + 2 <= token_tiles;
        if (panel.groups == 2 && two) multiply_tiles<2, 2>(x, weights, panel, to, unpacking);
        if (panel.groups == 2 && !two) multiply_tiles<2, 1>(x, weights, panel, to, unpacking);
        if (panel.groups == 1 && two) multiply_tiles<1, 2>(x, weights, panel, to, unpacking);
        if (panel.groups == 1 && !two) multiply_tiles<1, 1>(x, weights, panel, to, unpacking);
      }
      unpacking.finish();
    }
    for (std::int64_t i = 0; i < across; ++i)
      write(row_begin + i * panel_rows, token_begin, token_end,
            sums_ + i * panel_groups * token_tiles * tile_floats);
  }

  /// Unpacks a panel, a tile at a time.
  class Unpacking {
   public:
    Unpacking(const TiledMatmulArgs& args, const typename Tile::Table& table, const Panel& panel,
              std::byte* to)
        : weights_(args.weights),
          blocks_(args.x.cols / Format::block_length),
          panel_(panel),
          to_(to),
          left_(panel.groups * panel.chunks),
          table_(table) {}

    /// step() will be called so many times: fewer than there are tiles to unpack where tokens are few.
    void spread_over(std::int64_t steps) {
      share_ = left_;
      steps_ = steps;
      due_ = 0;
    }
    LINNET_ALWAYS_INLINE void step() {
      for (due_ += share_; due_ >= steps_ && left_ > 0; due_ -= steps_) unpack_next();
    }
    void finish() {
      while (left_ > 0) unpack_next();
    }

   private:
    __attribute__((noinline)) void unpack_next() {
      const std::int64_t i = panel_.groups * panel_.chunks - left_--;
      const std::int64_t group = i / panel_.chunks, chunk = i % panel_.chunks;
      const int in_block = static_cast<int>(chunk % Layout::chunks);
      if (in_block == 0) {
        const std::int64_t block = (panel_.first_chunk + chunk) / Layout::chunks;
        tile_.load(weights_ + ((panel_.row / Isa::rows + group) * blocks_ + block) * Layout::tile_bytes,
                   table_);
        tile_.load_groups(groups_);
      }
      unpack_chunk(in_block, to_ + (group * panel_chunks + chunk) * tile_bytes);
    }

    void unpack_chunk(int chunk, std::byte* to) const {
      constexpr int groups_of_chunk = 32 / Format::packing.group_length;
      constexpr bool has_min = Format::packing.has_min;
      constexpr float offset = Tile::level_offset;
      typename Isa::Bytes quads[8];
      tile_.load_levels(chunk, quads);
      // Read before anything is stored, which might be the same memory for all that the compiler knows.
      V scale[groups_of_chunk], min[groups_of_chunk];
      for (int g = 0; g < groups_of_chunk; ++g) {
        scale[g] = groups_.scale[chunk * groups_of_chunk + g];
        min[g] = has_min ? groups_.min[chunk * groups_of_chunk + g] : V(scale[g] * V(offset));
      }
      unroll<8>([&](auto q) __attribute__((always_inline)) {
        constexpr int g = q * groups_of_chunk / 8;
        const V value[4] = {fms(Isa::template byte_to_float<0>(quads[q]), scale[g], min[g]),
                            fms(Isa::template byte_to_float<1>(quads[q]), scale[g], min[g]),
                            fms(Isa::template byte_to_float<2>(quads[q]), scale[g], min[g]),
                            fms(Isa::template byte_to_float<3>(quads[q]), scale[g], min[g])};
        Isa::store_pairs(value[0], value[1], to + 128 * q);
        Isa::store_pairs(value[2], value[3], to + 128 * q + 64);
      });
    }

    const std::byte* weights_;
    std::int64_t blocks_;
    Panel panel_;
    std::byte* to_;
    std::int64_t left_, share_ = 0, steps_ = 1, due_ = 0;
    typename Tile::Table table_;
    Tile tile_;                     // the block that is being unpacked
    typename Tile::Groups groups_;  // its scales and minima
  };

  /// sums += x * weights, for Groups tiles of weights and Tokens tiles of activations.
  template <int Groups, int Tokens>
  void multiply_tiles(const std::byte* x, const std::byte* weights, const Panel& panel, float* sums,
                      Unpacking& unpacking) {
    constexpr int first_x = 4, first_weights = 6;
    unroll<Groups * Tokens>([&](auto i) __attribute__((always_inline)) {
      if (panel.first_chunk == 0) {
        Tiles::template zero<i>();
      } else {
        Tiles::template load<i>(sums + i * tile_floats);
      }
    });
    for (std::int64_t c = 0; c < panel.chunks; ++c) {
      unroll<Groups>([&](auto g) __attribute__((always_inline)) {
        Tiles::template load<first_weights + g>(weights + (g * panel_chunks + c) * tile_bytes);
      });
      unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
        Tiles::template load<first_x + t>(x + (t * chunks_ + c) * tile_bytes);
      });
      unroll<Groups * Tokens>([&](auto i) __attribute__((always_inline)) {
        Tiles::template dot<i, first_x + i / Groups, first_weights + i % Groups>();
      });
      unpacking.step();
    }
    unroll<Groups * Tokens>([&](auto i) __attribute__((always_inline)) {
      Tiles::template store<i>(sums + i * tile_floats);
    });
  }

  /// The sums of a panel's rows, to y.
  void write(std::int64_t row, std::int64_t token_begin, std::int64_t token_end, const float* sums) const {
    const int groups = groups_from(row);
    for (std::int64_t t = 0; t < token_end - token_begin; ++t)
      for (int g = 0; g < groups; ++g) {
        // As multiply_tiles() leaves them: by pairs of token tiles.
        const std::int64_t tile = t / 32 * 2 * panel_groups + t / 16 % 2 * groups + g;
        const std::int64_t first = row + g * Isa::rows;
        store(V::load_unaligned(sums + tile * tile_floats + t % 16 * 16),
              a_.y + (token_begin + t) * a_.y_stride + first, a_.row_end - first);
      }
  }

  int groups_from(std::int64_t row) const { return a_.row_end - row > Isa::rows ? panel_groups : 1; }

  const TiledMatmulArgs& a_;
  std::int64_t chunks_;
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
