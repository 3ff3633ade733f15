// my_kernel/packed_kernel.hpp - a product with a layout of its own: eight rows side by side in one vector,
// four tokens at once. For what a struct with a dot product cannot do; begin with that one, in main.cpp.
#pragma once

#include <algorithm>
#include <cstdint>

#include <linnet/laboratory/matrix_kernel.hpp>
#include <linnet/quant/formats.hpp>

/// Blocks of Q8_0 as the file has them go in, and through pack() become groups of rows.
class PackedQ8 : public linnet::laboratory::MatrixKernel {
 public:
  PackedQ8() : MatrixKernel("packed_matmul", "Q8_0", linnet::kernels::active(), "mine") {}

  std::int64_t block_length() const override { return Q8_0::block_length; }
  std::int64_t block_bytes() const override { return sizeof(Block); }
  double tolerance() const override { return 1e-5; }
  void quantize(std::span<const float> values, std::byte* blocks) const override {
    for (std::size_t i = 0; i < values.size(); i += length)
      Q8_0::quantize(&values[i], reinterpret_cast<Block*>(blocks)[i / length]);
  }
  void dequantize(const std::byte* blocks, std::span<float> values) const override {
    for (std::size_t i = 0; i < values.size(); i += length)
      Q8_0::dequantize(reinterpret_cast<const Block*>(blocks)[i / length], &values[i]);
  }

  /// Threads are given whole groups, but for the last rows of the matrix: these have a group, too.
  std::int64_t row_group() const override { return lanes; }
  std::int64_t packed_bytes(std::int64_t rows, std::int64_t cols) const override {
    return (rows + lanes - 1) / lanes * (cols / length) * static_cast<std::int64_t>(sizeof(Group));
  }
  void pack(const std::byte* blocks, std::int64_t rows, std::int64_t cols, std::byte* packed) const override {
    const auto* const from = reinterpret_cast<const Block*>(blocks);
    auto* to = reinterpret_cast<Group*>(packed);
    for (std::int64_t first = 0; first < rows; first += lanes)
      for (std::int64_t b = 0; b < cols / length; ++b, ++to) {
        *to = Group{};  // rows that the last group lacks
        for (std::int64_t r = 0; r < std::min(lanes, rows - first); ++r) {
          const Block& block = from[(first + r) * (cols / length) + b];
          to->scales[r] = linnet::to_float(block.d);
          for (int i = 0; i < length; ++i) to->levels[i * lanes + r] = block.qs[i];
        }
      }
  }

  /// Tiles of four tokens, whose values for a column lie together; tokens that the last tile lacks are zeros.
  linnet::Buffer prepare(std::span<const float> x, std::int64_t cols, std::int64_t tokens) const override {
    linnet::Buffer tiles(static_cast<std::size_t>((tokens + tile - 1) / tile * tile * cols) * sizeof(float));
    for (std::int64_t t = 0; t < tokens; ++t)
      for (std::int64_t c = 0; c < cols; ++c)
        tiles.as<float>()[t / tile * tile * cols + c * tile + t % tile] =
            x[static_cast<std::size_t>(t * cols + c)];
    return tiles;
  }

  void multiply(const linnet::laboratory::ProductPart& part) const noexcept override {
    const std::int64_t blocks = part.cols / length;
    for (std::int64_t row = part.row_begin; row < part.row_end; row += lanes)
      for (std::int64_t t = 0; t < part.tokens; t += tile) {
        Floats sums[tile] = {};
        add_products(reinterpret_cast<const Group*>(part.weights) + row / lanes * blocks, blocks,
                     reinterpret_cast<const float*>(part.x) + t * part.cols, sums);
        for (std::int64_t k = 0; k < std::min(tile, part.tokens - t); ++k)
          for (std::int64_t r = 0; r < std::min(lanes, part.row_end - row); ++r)
            part.y[(t + k) * part.y_stride + row + r] = sums[k][r];
      }
  }

 private:
  using Q8_0 = linnet::quant::Q8_0;
  using Block = Q8_0::Block;
  static constexpr std::int64_t lanes = 8, tile = 4, length = Q8_0::block_length;
  using Floats = float __attribute__((vector_size(lanes * sizeof(float))));  // of GCC and Clang
  struct Group {                                                             // a block of each of eight rows
    Floats scales;
    std::int8_t levels[length * lanes];  // those of the first place in all rows, then the second, ...
  };

  static void add_products(const Group* group, std::int64_t blocks, const float* x, Floats* sums) noexcept {
    for (const Group* const end = group + blocks; group != end; ++group) {
      alignas(Floats) float levels[length * lanes];
      for (int i = 0; i < length * lanes; ++i)
        levels[i] = group->levels[i];  // once for all tokens of the tile
      Floats block_sums[tile] = {};    // of levels: the scales are the same for all of them
      for (int i = 0; i < length; ++i, x += tile)
        for (int t = 0; t < tile; ++t) block_sums[t] += reinterpret_cast<const Floats*>(levels)[i] * x[t];
      for (int t = 0; t < tile; ++t) sums[t] += group->scales * block_sums[t];
    }
  }
};
