// ops/matmul.hpp - matrix products with weights of any tensor type, by dequantizing to float. Exact to float
// rounding.
#pragma once

#include <linnet/kernels/table.hpp>

#include "vector.hpp"

namespace linnet::kernels {

inline constexpr int tile_rows = 4;             // rows of weights that one load of a token serves
inline constexpr int tile_tokens = 4;           // tokens that one load of weights serves
inline constexpr std::int64_t tile_cols = 512;  // columns unpacked at once: a tile of rows or tokens is 8 KiB
inline constexpr std::int64_t panel_rows = 32;  // rows unpacked at once: 64 KiB, for the second cache

/// Unpacks `cols` columns from `col` on of one row.
template <class Format>
LINNET_ALWAYS_INLINE void unpack(const std::byte* row, std::int64_t col, std::int64_t cols, float* values) {
  const auto* block = reinterpret_cast<const typename Format::Block*>(row) + col / Format::block_length;
  for (std::int64_t i = 0; i < cols; i += Format::block_length) Format::dequantize(*block++, values + i);
}

/// y[t, r] += w[r, :] . x[t, :] for Rows x Tokens products of `cols` columns. Every product has one
/// accumulator and walks the columns in the same order, whatever the tile, so that a token's result does not
/// depend on its batch.
template <class V, int Rows, int Tokens>
LINNET_ALWAYS_INLINE void multiply_tile(const float* w, const float* x, std::int64_t x_stride,
                                        std::int64_t cols, float* y, std::int64_t y_stride) {
  V acc[Tokens][Rows];
  for (auto& token : acc)
    for (V& v : token) v = V(0.0f);
  for (std::int64_t c = 0; c < cols; c += static_cast<std::int64_t>(V::size)) {
    V row[Rows];
    for (int r = 0; r < Rows; ++r) row[r] = load<V>(w + r * tile_cols + c, cols - c);
    for (int t = 0; t < Tokens; ++t) {
      const V value = load<V>(x + t * x_stride + c, cols - c);
      for (int r = 0; r < Rows; ++r) acc[t][r] = fma(row[r], value, acc[t][r]);
    }
  }
  for (int t = 0; t < Tokens; ++t)
    for (int r = 0; r < Rows; ++r) y[t * y_stride + r] += sum(acc[t][r]);
}

/// Adds the products of `rows` unpacked rows with all tokens. Tokens outside, rows inside: a tile of tokens
/// stays in the first cache while the panel of weights passes from the second.
template <class V, int Tokens>
LINNET_ALWAYS_INLINE void multiply_panel(const float* w, std::int64_t rows, const float* x,
                                         std::int64_t x_stride, std::int64_t cols, float* y,
                                         std::int64_t y_stride) {
  std::int64_t r = 0;
  for (; r + tile_rows <= rows; r += tile_rows)
    multiply_tile<V, tile_rows, Tokens>(w + r * tile_cols, x, x_stride, cols, y + r, y_stride);
  for (; r < rows; ++r) multiply_tile<V, 1, Tokens>(w + r * tile_cols, x, x_stride, cols, y + r, y_stride);
}

template <class Isa, class Format>
void matmul(const MatmulArgs& a) noexcept {
  using V = typename Isa::Vector;
  alignas(64) float w[panel_rows * tile_cols];
  for (std::int64_t row = a.row_begin; row < a.row_end; row += panel_rows) {
    const std::int64_t rows = a.row_end - row < panel_rows ? a.row_end - row : panel_rows;
    for (std::int64_t t = 0; t < a.tokens; ++t)
      for (std::int64_t r = 0; r < rows; ++r) a.y[t * a.y_stride + row + r] = 0;
    for (std::int64_t col = 0; col < a.cols; col += tile_cols) {
      const std::int64_t cols = a.cols - col < tile_cols ? a.cols - col : tile_cols;
      for (std::int64_t r = 0; r < rows; ++r)
        unpack<Format>(a.weights + (row + r) * a.row_bytes, col, cols, w + r * tile_cols);
      const float* x = a.x + col;
      float* y = a.y + row;
      std::int64_t t = 0;
      for (; t + tile_tokens <= a.tokens; t += tile_tokens)
        multiply_panel<V, tile_tokens>(w, rows, x + t * a.x_stride, a.x_stride, cols, y + t * a.y_stride,
                                       a.y_stride);
      for (; t < a.tokens; ++t)
        multiply_panel<V, 1>(w, rows, x + t * a.x_stride, a.x_stride, cols, y + t * a.y_stride, a.y_stride);
    }
  }
}

}  // namespace linnet::kernels
