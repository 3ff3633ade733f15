// matmul_test.cpp - matrix products of every tensor type on every table: against Eigen in float64, and bit by
// bit against themselves in other divisions.
#include <cmath>
#include <span>

#include <Eigen/Core>
#include <linnet/quant/convert.hpp>

#include "tables.hpp"

namespace linnet::kernels::matmul_test {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// y = x w^T with strides that leave gaps, and what must come out.
class Product {
 public:
  Product(DType type, std::int64_t rows, std::int64_t cols, std::int64_t tokens)
      : type_(type), rows_(rows), cols_(cols), tokens_(tokens), x_stride_(cols + 3), y_stride_(rows + 5) {
    const auto values = gaussian(rows * cols, static_cast<unsigned>(rows * 31 + cols));
    weights_.resize(static_cast<std::size_t>(byte_size(type, rows * cols)));
    quant::quantize(type, values, weights_.data());
    x_ = gaussian(tokens * x_stride_, static_cast<unsigned>(tokens));
  }

  std::vector<float> empty() const {
    return std::vector<float>(static_cast<std::size_t>(tokens_ * y_stride_), unset);
  }

  void run(const Table& table, std::vector<float>& y, std::int64_t row_begin, std::int64_t row_end,
           std::int64_t token_begin, std::int64_t token_end) const {
    entry(table.matmul, type_)({.weights = weights_.data(),
                                .row_bytes = byte_size(type_, cols_),
                                .cols = cols_,
                                .row_begin = row_begin,
                                .row_end = row_end,
                                .x = x_.data() + token_begin * x_stride_,
                                .x_stride = x_stride_,
                                .tokens = token_end - token_begin,
                                .y = y.data() + token_begin * y_stride_,
                                .y_stride = y_stride_});
  }
  std::vector<float> run(const Table& table) const {
    auto y = empty();
    run(table, y, 0, rows_, 0, tokens_);
    return y;
  }

  /// The largest error, in units of what rounding each sum may cost; infinity where a gap was written.
  double error(const std::vector<float>& y) const {
    std::vector<float> values(static_cast<std::size_t>(rows_ * cols_));
    quant::dequantize(type_, weights_.data(), values);
    const Matrix w =
        Eigen::Map<const Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(values.data(), rows_, cols_)
            .cast<double>();
    double worst = 0;
    for (std::int64_t t = 0; t < tokens_; ++t) {
      const Eigen::VectorXd x =
          Eigen::Map<const Eigen::VectorXf>(x_.data() + t * x_stride_, cols_).cast<double>();
      const Eigen::VectorXd expected = w * x, condition = w.cwiseAbs() * x.cwiseAbs();
      for (std::int64_t r = 0; r < y_stride_; ++r) {
        const float found = y[static_cast<std::size_t>(t * y_stride_ + r)];
        if (r >= rows_) {
          if (found != unset) return INFINITY;
          continue;
        }
        worst = std::max(worst, std::fabs(found - expected[r]) / (unit * condition[r] + 1e-30));
        if (std::isnan(found)) return INFINITY;
      }
    }
    // A sum of n roundings of either sign grows as their root.
    return worst / (4 + 2 * std::sqrt(static_cast<double>(cols_)));
  }

 private:
  static constexpr float unset = -12345;
  DType type_;
  std::int64_t rows_, cols_, tokens_, x_stride_, y_stride_;
  std::vector<std::byte> weights_;
  std::vector<float> x_;
};

class Matmul : public OnEachType {
 protected:
  std::int64_t block() const { return info(type()).block_length; }
  /// A multiple of the block length that is above the columns that a kernel unpacks at once.
  std::int64_t long_cols() const { return block() == 1 ? 1029 : block() * (block() == 32 ? 33 : 5); }
};

TEST_P(Matmul, AgreesWithFloat64) {
  const std::int64_t all_cols[] = {block(), 3 * block(), block() == 1 ? 517 : 17 * block(), long_cols()};
  const std::int64_t all_tokens[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 17};
  std::size_t i = 0;  // walks through the columns and tokens, which have coprime counts with a step of 3
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 33, 100})
    for (int k = 0; k < 3; ++k, ++i) {
      const std::int64_t cols = all_cols[i % 4], tokens = all_tokens[i * 3 % 10];
      const Product product(type(), rows, cols, tokens);
      EXPECT_LT(product.error(product.run(table())), 1) << rows << " x " << cols << ", tokens " << tokens;
    }
}

TEST_P(Matmul, EveryDivisionGivesTheSameBits) {
  constexpr std::int64_t rows = 37, tokens = 21;  // some read weights in place, all unpack them
  const Product product(type(), rows, long_cols(), tokens);
  const auto whole = product.run(table());
  for (const std::int64_t row_step : {1, 5, 32, 37})
    for (const std::int64_t token_step : {1, 5, 16, 21}) {
      auto parts = product.empty();
      for (std::int64_t r = 0; r < rows; r += row_step)
        for (std::int64_t t = 0; t < tokens; t += token_step)
          product.run(table(), parts, r, std::min(r + row_step, rows), t, std::min(t + token_step, tokens));
      EXPECT_TRUE(same_bits(parts, whole)) << row_step << " rows, " << token_step << " tokens at once";
    }
}

TEST_P(Matmul, WritesTheRowsAskedForAlone) {
  const Product product(type(), 40, 2 * block(), 3);
  const auto whole = product.run(table());
  for (const auto& [begin, end] : {std::pair{0, 0}, std::pair{3, 4}, std::pair{7, 39}}) {
    auto y = product.empty(), expected = y;
    product.run(table(), y, begin, end, 0, 3);
    for (std::size_t t = 0; t < 3; ++t)
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r)
        expected[t * 45 + r] = whole[t * 45 + r];
    EXPECT_TRUE(same_bits(y, expected)) << begin << " to " << end;
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, Matmul,
                         testing::Combine(testing::ValuesIn(all_choices()), testing::ValuesIn(all_formats())),
                         ParamName());

}  // namespace
}  // namespace linnet::kernels::matmul_test
