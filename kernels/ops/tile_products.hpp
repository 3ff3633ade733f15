// ops/tile_products.hpp - products of matrices in tiles, a step at a time, so that other work can be done in
// between: PanelProducts for weights, ProductQueue for attention. Never waits for a result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vector.hpp"

namespace linnet::kernels {

/// sums += x * weights for all tokens: of weights one or two groups of 16 rows, of x tiles of 16 tokens, two
/// at a time where there are. A step is a chunk of 32 columns of those: up to four sums in registers.
template <class Tiles>
class PanelProducts {
  static constexpr std::int64_t tile_bytes = 1024, tile_floats = 256;

 public:
  struct Args {
    const std::byte* weights;  // [groups][..][chunks] tiles,
    std::int64_t group_bytes;  // a group behind the other
    const std::byte* x;        // [token_tiles][..][chunks] tiles,
    std::int64_t token_bytes;  // 16 tokens behind the others
    float* sums;               // [token_tiles][groups] tiles
    std::int64_t groups, token_tiles, chunks;
    bool adds;  // to what `sums` holds; else it is overwritten
  };

  /// None.
  PanelProducts() = default;
  explicit PanelProducts(const Args& args) : a_(args), left_((args.token_tiles + 1) / 2 * args.chunks) {}

  /// Steps that are left.
  std::int64_t left() const { return left_; }
  void finish() {
    while (left_ > 0) step();
  }
  /// @pre there are steps left.
  __attribute__((noinline)) void step() {
    const bool two_groups = a_.groups == 2, two_tiles = a_.token_tiles >= 2;
    if (two_groups && two_tiles) multiply<2, 2>();
    if (two_groups && !two_tiles) multiply<2, 1>();
    if (!two_groups && two_tiles) multiply<1, 2>();
    if (!two_groups && !two_tiles) multiply<1, 1>();
    --left_;
    if (++chunk_ < a_.chunks) return;
    chunk_ = 0;
    a_.token_tiles -= 2;
    a_.x += 2 * a_.token_bytes;
    a_.sums += 2 * a_.groups * tile_floats;
  }

 private:
  template <int Groups, int TokenTiles>
  LINNET_ALWAYS_INLINE void multiply() {
    constexpr int first_x = 4, first_weights = 6, count = Groups * TokenTiles;
    const Args a = a_;  // tiles are loaded and stored behind the compiler's back: it would read a_ every time
    const std::int64_t chunk = chunk_;
    if (chunk == 0)
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        if (a.adds) {
          Tiles::template load<i>(a.sums + i * tile_floats);
        } else {
          Tiles::template zero<i>();
        }
      });
    // Each is loaded just before the first product that wants it: that much sooner the products begin.
    unroll<TokenTiles>([&](auto t) __attribute__((always_inline)) {
      Tiles::template load<first_x + t>(a.x + t * a.token_bytes + chunk * tile_bytes);
      unroll<Groups>([&](auto g) __attribute__((always_inline)) {
        if constexpr (t == 0)
          Tiles::template load<first_weights + g>(a.weights + g * a.group_bytes + chunk * tile_bytes);
        Tiles::template dot<t * Groups + g, first_x + t, first_weights + g>();
      });
    });
    if (chunk + 1 == a.chunks)
      unroll<count>([&](auto i) __attribute__((always_inline)) {
        Tiles::template store<i>(a.sums + i * tile_floats);
      });
  }

  Args a_ = {};
  std::int64_t left_ = 0, chunk_ = 0;
};

/// sums[16, 16 * across] = or += left[16, 32 * steps] . right[32 * steps, 16 * across]. The right side has
/// its tiles of one step one behind the other; those of `sums` lie so, too.
struct TileProduct {
  const std::byte* left;
  std::int64_t left_step;  // bytes from a tile to that of the next step
  const std::byte* right;
  std::int64_t right_step;
  std::int64_t steps, across;
  float* sums;
  bool adds;
};

/// Products that are formed in the order of their arrival. A step is one tile of the left side times up to
/// four of the right: four sums, one register for the left side, and three for the right in turns, so that a
/// load need not wait for the product before it.
template <class Tiles>
class ProductQueue {
  static constexpr std::int64_t tile_bytes = 1024, tile_floats = 256;
  static constexpr int width = 4, left_register = 4, first_right = 5, right_registers = 3;

 public:
  /// @pre no more than one other waits.
  void add(const TileProduct& product) {
    (steps_ == 0 ? now_ : next_) = product;
    steps_ += (product.across + width - 1) / width * product.steps;
  }
  /// Steps that are left.
  std::int64_t steps() const { return steps_; }
  void finish() {
    while (steps_ > 0) step();
  }
  /// @pre there are steps left.
  __attribute__((noinline)) void step() {
    const std::int64_t left = now_.across - first_;
    if (left >= 4) {
      multiply<4>();
    } else if (left == 3) {
      multiply<3>();
    } else if (left == 2) {
      multiply<2>();
    } else {
      multiply<1>();
    }
    --steps_;
    if (++step_ < now_.steps) return;
    step_ = 0;
    first_ += width;
    if (first_ < now_.across) return;
    first_ = 0;
    now_ = next_;
  }

 private:
  template <int Width>
  LINNET_ALWAYS_INLINE void multiply() {
    float* const sums = now_.sums + first_ * tile_floats;
    if (step_ == 0)
      unroll<Width>([&](auto n) __attribute__((always_inline)) {
        if (now_.adds) {
          Tiles::template load<n>(sums + n * tile_floats);
        } else {
          Tiles::template zero<n>();
        }
      });
    Tiles::template load<left_register>(now_.left + step_ * now_.left_step);
    const std::byte* const right = now_.right + step_ * now_.right_step + first_ * tile_bytes;
    unroll<Width>([&](auto n) __attribute__((always_inline)) {
      constexpr int at = first_right + n % right_registers;
      Tiles::template load<at>(right + n * tile_bytes);
      Tiles::template dot<n, left_register, at>();
    });
    if (step_ + 1 == now_.steps)
      unroll<Width>([&](auto n)
                        __attribute__((always_inline)) { Tiles::template store<n>(sums + n * tile_floats); });
  }

  TileProduct now_ = {}, next_ = {};
  std::int64_t steps_ = 0;             // of both
  std::int64_t first_ = 0, step_ = 0;  // of `now_`: the first of the tiles across, and the step
};

}  // namespace linnet::kernels
