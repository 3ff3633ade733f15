// ops/tile_products.hpp - products of matrices in tiles, a step at a time, so that other work can be done in
// between. Never waits for a result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vector.hpp"

namespace linnet::kernels {

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
