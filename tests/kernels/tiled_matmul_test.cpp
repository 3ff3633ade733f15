// tiled_matmul_test.cpp - interleaved weights times many tokens on tile registers, real and emulated, against
// the same bfloat16 numbers in double.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <bit>
#include <string>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/half.hpp>
#include <linnet/quant/convert.hpp>

#include "kernels/tiled_tables.hpp"

namespace linnet::kernels::tiled_matmul_test {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<DType> integer_formats() {
  std::vector<DType> out;
  quant::for_each_format([&]<class F>() {
    if constexpr (quant::IntegerFormat<F>) out.push_back(F::dtype);
  });
  return out;
}

class TiledMatmul : public OnEachTiled {
 protected:
  template <class F>
  static Matrix map(const std::vector<float>& floats, std::int64_t outer, std::int64_t inner, F f) {
    Matrix m(outer, inner);
    for (std::int64_t i = 0; i < outer * inner; ++i)
      m(i / inner, i % inner) = f(floats[static_cast<std::size_t>(i)]);
    return m;
  }

  /// Weights as they are, activations as the kernel has them, and what it made of both: [tokens, rows].
  struct Product {
    Matrix weights, activations, y;
  };

  /// Multiplies rows [begin, rows); what is not asked for stays -77.
  Product multiply(std::int64_t begin, std::int64_t rows, std::int64_t cols, std::int64_t tokens) {
    const Tiled tiled = this->tiled();
    const DType type = this->type();
    std::vector<float> values = gaussian(rows * cols, static_cast<unsigned>(rows + cols), 0.02f);
    const std::vector<float> x = gaussian(tokens * cols, static_cast<unsigned>(tokens));
    std::vector<std::byte> blocks(static_cast<std::size_t>(byte_size(type, rows * cols)));
    quant::quantize(type, values, blocks.data());
    quant::dequantize(type, blocks.data(), values);

    const std::int64_t group = tiled.packing->interleaved_rows;
    Buffer packed(static_cast<std::size_t>((rows + group - 1) / group * group * byte_size(type, cols)));
    entry(tiled.packing->interleave, type)(blocks.data(), byte_size(type, cols), cols, 0, rows,
                                           packed.data());
    Buffer tiles(static_cast<std::size_t>(TiledActivations::bytes(cols, tokens)));
    const TiledActivations activations{tiles.data(), cols, tokens};
    for (std::int64_t t = 0; t < tokens; ++t)
      tiled.table->tile_activations(x.data() + t * cols, activations, t);
    Buffer scratch(static_cast<std::size_t>(TiledMatmulArgs::scratch_bytes(tokens)));
    std::vector<float> y(static_cast<std::size_t>(tokens * rows), -77);
    entry(tiled.table->tiled_matmul, type)({.weights = packed.data(),
                                            .row_begin = begin,
                                            .row_end = rows,
                                            .x = activations,
                                            .y = y.data(),
                                            .y_stride = rows,
                                            .scratch = scratch.data()});
    return {map(values, rows, cols, [](float value) { return value; }),
            map(x, tokens, cols, [](float value) { return to_float(to_bfloat16(value)); }),
            map(y, tokens, rows, [](float value) { return value; })};
  }

  /// Compares with the oracle: weights made larger by what cutting takes away, and cut.
  void check(std::int64_t begin, std::int64_t rows, std::int64_t cols, std::int64_t tokens) {
    const Product p = multiply(begin, rows, cols, tokens);
    const Matrix w = p.weights.unaryExpr([](double value) -> double {
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value * (1 + 0.72134752 / 256)));
      return std::bit_cast<float>(bits & 0xffff0000u);
    });
    const Matrix exact = p.activations * w.transpose();
    const Matrix size = p.activations.cwiseAbs() * w.cwiseAbs().transpose();
    for (std::int64_t t = 0; t < tokens; ++t)
      for (std::int64_t r = 0; r < rows; ++r) {
        if (r < begin) {
          ASSERT_EQ(p.y(t, r), -77);
        } else {
          // The kernel's weights are off by up to 2^-16 of a level before they are cut. One of some hundreds
          // then becomes the neighbouring bfloat16, which is 2^-7 of it.
          ASSERT_NEAR(p.y(t, r), exact(t, r), (2e-5 + 24 * 0x1p-7 / static_cast<double>(cols)) * size(t, r))
              << rows << "x" << cols << " token " << t << " row " << r;
        }
      }
  }
};

TEST_P(TiledMatmul, IsTheProductInBfloat16) {
  const std::int64_t block = info(type()).block_length;
  for (const std::int64_t rows : {1, 15, 16, 17, 33, 70})
    for (const std::int64_t cols : {block, 768 / block * block})
      for (const std::int64_t tokens : {1, 2, 15, 16, 17, 40}) check(0, rows, cols, tokens);
}

TEST_P(TiledMatmul, TakesRowsAndTokensBlockByBlock) {
  check(32, TiledMatmulArgs::block_rows + 32 + 40, 256, 17);
  check(16, 50, 512, TiledMatmulArgs::block_tokens + 21);
}

TEST_P(TiledMatmul, CuttingMakesNothingSmaller) {
  const Product p = multiply(0, 300, 1024, 16);
  const Matrix exact = p.activations * p.weights.transpose();
  const double slope = p.y.cwiseProduct(exact).sum() / exact.squaredNorm();
  EXPECT_NEAR(slope, 1, 4e-4);  // of 2.8e-3 that would be missing
}

INSTANTIATE_TEST_SUITE_P(Tables, TiledMatmul,
                         testing::Combine(testing::ValuesIn(all_tiled()),
                                          testing::ValuesIn(integer_formats())),
                         TiledName());
// Elsewhere than on x86-64 there are no tiles.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TiledMatmul);

}  // namespace
}  // namespace linnet::kernels::tiled_matmul_test
