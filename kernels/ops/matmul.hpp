// ops/matmul.hpp - matrix products with weights of any tensor type in the file's own layout, in floats. Never
// rounds anything but sums.
#pragma once

#include <linnet/kernels/table.hpp>

#include "float_values.hpp"

namespace linnet::kernels {

inline constexpr int tile_tokens = 4;           // tokens that one load of weights serves
inline constexpr int few_tokens = 16;           // see matmul()
inline constexpr std::int64_t tile_cols = 512;  // columns of a partial sum
inline constexpr std::int64_t panel_rows = 32;  // rows unpacked at once: 64 KiB, for the second cache

/// Rows of weights that one load of a token serves: as many as leave the sums in registers.
template <class V>
inline constexpr int tile_rows = V::size == 8 ? 2 : 4;

/// Rows that were unpacked, tile_cols apart.
template <class V>
struct UnpackedRows {
  const float* values;

  LINNET_ALWAYS_INLINE UnpackedRows from(std::int64_t row) const { return {values + row * tile_cols}; }
  LINNET_ALWAYS_INLINE V load(std::int64_t row, std::int64_t col, std::int64_t left) const {
    return kernels::load<V>(values + row * tile_cols + col, left);
  }
};

/// Rows of a plain type where they lie.
template <class Isa, class Format>
struct PlainRows {
  const std::byte* blocks;
  std::int64_t row_bytes;

  LINNET_ALWAYS_INLINE PlainRows from(std::int64_t row) const {
    return {blocks + row * row_bytes, row_bytes};
  }
  LINNET_ALWAYS_INLINE typename Isa::Vector load(std::int64_t row, std::int64_t col,
                                                 std::int64_t left) const {
    constexpr auto size = static_cast<std::int64_t>(sizeof(typename Format::Block));
    const std::byte* const from = blocks + row * row_bytes + col * size;
    // The next rows, into the second cache.
    __builtin_prefetch(from + tile_rows<typename Isa::Vector> * row_bytes, 0, 2);
    return load_plain<Isa, Format>(from, left);
  }
};

/// y[t, r] += w[r, :] . x[t, :] for Rows x Tokens products of `cols` columns. Every product has one
/// accumulator and walks the columns in the same order, whatever the tile, so that a token's result does not
/// depend on its batch.
template <class V, int Rows, int Tokens, class Weights>
LINNET_ALWAYS_INLINE void multiply_tile(const Weights& w, const float* x, std::int64_t x_stride,
                                        std::int64_t cols, float* y, std::int64_t y_stride) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  V acc[Tokens][Rows];
  unroll<Tokens * Rows>([&](auto i) __attribute__((always_inline)) { acc[i / Rows][i % Rows] = V(0.0f); });
  const auto add = [&](std::int64_t c, std::int64_t left) __attribute__((always_inline)) {
    V row[Rows];
    unroll<Rows>([&](auto r) __attribute__((always_inline)) { row[r] = w.load(r, c, left); });
    unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
      const V value = load<V>(x + t * x_stride + c, left);
      unroll<Rows>([&](auto r) __attribute__((always_inline)) { acc[t][r] = fma(row[r], value, acc[t][r]); });
    });
  };
  const std::int64_t whole = cols / size * size;
  for (std::int64_t c = 0; c < whole; c += size) add(c, size);
  if (whole < cols) add(whole, cols - whole);
  unroll<Tokens * Rows>([&](auto i) __attribute__((always_inline)) {
    y[i / Rows * y_stride + i % Rows] += sum(acc[i / Rows][i % Rows]);
  });
}

/// Adds the products of `rows` rows with Tokens tokens.
template <class V, int Tokens, class Weights>
LINNET_ALWAYS_INLINE void multiply_rows(const Weights& w, std::int64_t rows, const float* x,
                                        std::int64_t x_stride, std::int64_t cols, float* y,
                                        std::int64_t y_stride) {
  constexpr int together = tile_rows<V>;
  std::int64_t r = 0;
  for (; r + together <= rows; r += together)
    multiply_tile<V, together, Tokens>(w.from(r), x, x_stride, cols, y + r, y_stride);
  for (; r < rows; ++r) multiply_tile<V, 1, Tokens>(w.from(r), x, x_stride, cols, y + r, y_stride);
}

/// Adds the products of `rows` rows from `row` on with all tokens, over `cols` columns from `col` on. Tokens
/// outside, rows inside: a tile of tokens stays in the first cache while the weights pass by.
template <class V, class Weights>
LINNET_ALWAYS_INLINE void multiply_columns(const Weights& w, const MatmulArgs& a, std::int64_t row,
                                           std::int64_t rows, std::int64_t col, std::int64_t cols) {
  const float* x = a.x + col;
  float* y = a.y + row;
  std::int64_t t = 0;
  for (; t + tile_tokens <= a.tokens; t += tile_tokens)
    multiply_rows<V, tile_tokens>(w, rows, x + t * a.x_stride, a.x_stride, cols, y + t * a.y_stride,
                                  a.y_stride);
  for (; t < a.tokens; ++t)
    multiply_rows<V, 1>(w, rows, x + t * a.x_stride, a.x_stride, cols, y + t * a.y_stride, a.y_stride);
}

template <class Isa, class Format>
void matmul(const MatmulArgs& a) noexcept {
  using V = typename Isa::Vector;
  using Block = typename Format::Block;
  // Few tokens read the weights where they lie, a few rows at a time; unpacking pays from there on.
  const bool in_place = is_plain<Format> && a.tokens <= few_tokens;
  const std::int64_t rows_at_once = in_place ? tile_rows<V> : panel_rows;
  alignas(64) float unpacked[panel_rows * tile_cols];
  for (std::int64_t row = a.row_begin; row < a.row_end; row += rows_at_once) {
    const std::int64_t rows = a.row_end - row < rows_at_once ? a.row_end - row : rows_at_once;
    const std::byte* const weights = a.weights + row * a.row_bytes;
    for (std::int64_t t = 0; t < a.tokens; ++t)
      for (std::int64_t r = 0; r < rows; ++r) a.y[t * a.y_stride + row + r] = 0;
    for (std::int64_t col = 0; col < a.cols; col += tile_cols) {
      const std::int64_t cols = a.cols - col < tile_cols ? a.cols - col : tile_cols;
      if constexpr (is_plain<Format>)
        if (in_place) {
          const PlainRows<Isa, Format> w{weights + col * static_cast<std::int64_t>(sizeof(Block)),
                                         a.row_bytes};
          multiply_columns<V>(w, a, row, rows, col, cols);
          continue;
        }
      for (std::int64_t r = 0; r < rows; ++r)
        unpack<Isa, Format>(weights + r * a.row_bytes, col, cols, unpacked + r * tile_cols);
      multiply_columns<V>(UnpackedRows<V>{unpacked}, a, row, rows, col, cols);
    }
  }
}

}  // namespace linnet::kernels
