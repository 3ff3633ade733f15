// packed_matmul_test.cpp - interleaved weights times byte activations, for every integer format on every
// instruction set, against the same numbers in double.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

#include "tables.hpp"

namespace linnet::kernels::packed_matmul_test {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Case {
  const Choice* choice;
  DType type;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Choice& choice : choices())
    quant::for_each_format([&]<class F>() {
      if constexpr (quant::IntegerFormat<F>) cases.push_back({&choice, F::dtype});
    });
  return cases;
}

enum class Values {
  normal,
  largest,          // every weight and activation as large as its neighbours, in every pairing of signs
  largest_but_one,  // one weight of 32 has the other sign, and sets the scale: all other levels are at their
                    // end
};

/// Weights of one type and activations, in every form that a kernel or an oracle needs.
class Problem {
 public:
  Problem(const Table& table, DType type, std::int64_t rows, std::int64_t cols, std::int64_t tokens,
          Values kind = Values::normal)
      : table_(table),
        type_(type),
        rows_(rows),
        cols_(cols),
        tokens_(tokens),
        w_(rows, cols),
        x_(tokens, cols) {
    std::mt19937 random(static_cast<unsigned>(rows * 7919 + cols * 31 + tokens));
    std::normal_distribution<float> normal(0.003f, 0.02f), activation(0.1f, 1);
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (float& v : values) v = normal(random);
    if (kind != Values::normal)
      for (std::int64_t i = 0; i < rows * cols; ++i) {
        const float sign = i / cols % 2 == 0 ? 1.0f : -1.0f;
        values[static_cast<std::size_t>(i)] =
            kind == Values::largest_but_one && i % 32 == 5 ? -1.07f * sign : sign;
      }
    blocks_.resize(static_cast<std::size_t>(byte_size(type, rows * cols)));
    quant::quantize(type, values, blocks_.data());
    quant::dequantize(type, blocks_.data(), values);
    w_ = Eigen::Map<Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>(values.data(), rows, cols).cast<double>();

    for (std::int64_t t = 0; t < tokens; ++t) {
      for (std::int64_t c = 0; c < cols; ++c) {
        const float signs[] = {1, -1, c % 2 == 0 ? 1.0f : -1.0f};
        floats_.push_back(kind == Values::normal ? activation(random) : signs[t % 3]);
      }
    }
    const Buffer bytes = quantize(0, tokens);
    const Activations activations{const_cast<std::byte*>(bytes.data()), cols, tokens, table.token_tile};
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::int64_t first = activations.tile_start(t);
      const Activations::Tile tile = activations.tile_at(first);
      for (std::int64_t c = 0; c < cols; ++c) {
        const std::int64_t at = c / 32 * tile.width + t - first;
        const std::int64_t byte = tile.place(c / 32, t - first, static_cast<int>(c % 32), table.token_piece);
        x_(t, c) = static_cast<double>(tile.scales[at]) * tile.bytes[byte];
        EXPECT_NEAR(x_(t, c), floats_[static_cast<std::size_t>(t * cols + c)], 0.51 * tile.scales[at]);
      }
    }
    const std::int64_t groups = (rows + table.interleaved_rows - 1) / table.interleaved_rows;
    packed_ = Buffer(static_cast<std::size_t>(groups * table.interleaved_rows * byte_size(type, cols)));
    entry(table.interleave, type)(blocks_.data(), byte_size(type, cols), cols, 0, rows, packed_.data());
  }

  std::vector<float>& activations() { return floats_; }

  /// Tokens [first, first + count) as bytes.
  Buffer quantize(std::int64_t first, std::int64_t count) const {
    Buffer bytes(static_cast<std::size_t>(Activations::bytes(cols_, count)));
    const Activations to{bytes.data(), cols_, count, table_.token_tile};
    for (std::int64_t t = 0; t < count; ++t)
      table_.quantize_activations(floats_.data() + (first + t) * cols_, to, t, 0, cols_);
    return bytes;
  }

  /// y[token, row] by the kernel, for a range of rows and the tokens from `first` on.
  std::vector<float> multiply(std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t count) {
    std::vector<float> y(static_cast<std::size_t>(count * rows_), -1);
    Buffer bytes = quantize(first, count);
    entry(table_.packed_matmul, type_)({.weights = packed_.data(),
                                        .row_begin = begin,
                                        .row_end = end,
                                        .x = {bytes.data(), cols_, count, table_.token_tile},
                                        .y = y.data(),
                                        .y_stride = rows_});
    return y;
  }

  void expect_near_oracle(const std::vector<float>& y) const {
    const Matrix exact = x_ * w_.transpose(), size = x_.cwiseAbs() * w_.cwiseAbs().transpose();
    const double bound = 3e-6;
    for (std::int64_t t = 0; t < tokens_; ++t)
      for (std::int64_t r = 0; r < rows_; ++r)
        ASSERT_NEAR(y[static_cast<std::size_t>(t * rows_ + r)], exact(t, r), bound * size(t, r) + 1e-7)
            << to_string(type_) << " " << rows_ << "x" << cols_ << " token " << t << " row " << r;
  }

 private:
  const Table& table_;
  DType type_;
  std::int64_t rows_, cols_, tokens_;
  Matrix w_, x_;
  std::vector<std::byte> blocks_;
  std::vector<float> floats_;  // [tokens, cols]
  Buffer packed_;
};

class PackedMatmul : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!GetParam().choice->available)
      GTEST_SKIP() << GetParam().choice->table->isa << " is not available here";
  }
  const Table& table() const { return *GetParam().choice->table; }
  DType type() const { return GetParam().type; }
};

TEST_P(PackedMatmul, IsTheProductOfWhatTheBytesSay) {
  const std::int64_t block = info(type()).block_length;
  for (std::int64_t rows : {1, 3, 7, 15, 16, 17, 33})
    for (std::int64_t cols : {block, 3 * block, 1024 / block * block})
      for (std::int64_t tokens : {1, 2, 5, 8, 13, 39}) {
        Problem problem(table(), type(), rows, cols, tokens);
        problem.expect_near_oracle(problem.multiply(0, rows, 0, tokens));
      }
}

// Sums of 16 bits overflow here, or nowhere.
TEST_P(PackedMatmul, IsTheProductOfTheLargestValues) {
  for (const Values kind : {Values::largest, Values::largest_but_one})
    for (std::int64_t tokens : {1, 3, 9}) {
      Problem problem(table(), type(), 18, 768, tokens, kind);
      problem.expect_near_oracle(problem.multiply(0, 18, 0, tokens));
    }
}

TEST_P(PackedMatmul, IsNoNumberForTheTokenThatHasOne) {
  const std::int64_t rows = 18, cols = 768, tokens = 9;
  Problem problem(table(), type(), rows, cols, tokens);
  const std::vector<float> before = problem.multiply(0, rows, 0, tokens);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()})
    for (const std::int64_t col : {0, 13, 767}) {
      float& activation = problem.activations()[static_cast<std::size_t>(4 * cols + col)];
      const float kept = std::exchange(activation, value);
      const std::vector<float> y = problem.multiply(0, rows, 0, tokens);
      activation = kept;
      for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t r = 0; r < rows; ++r) {
          const auto i = static_cast<std::size_t>(t * rows + r);
          if (t == 4) {
            ASSERT_TRUE(std::isnan(y[i])) << value << " in column " << col << ", row " << r;
          } else {
            ASSERT_EQ(y[i], before[i]);
          }
        }
    }
}

TEST_P(PackedMatmul, IsNothingForActivationsNearNothing) {
  Problem problem(table(), type(), 18, 768, 5);
  for (float& activation : problem.activations()) activation *= 1e-38f;
  for (const float y : problem.multiply(0, 18, 0, 5)) ASSERT_LT(std::fabs(y), 1e-30f);
}

TEST_P(PackedMatmul, GivesTheSameBitsHoweverItIsDivided) {
  const std::int64_t rows = 50, tokens = 41, group = table().interleaved_rows;
  Problem problem(table(), type(), rows, 768, tokens);
  const std::vector<float> whole = problem.multiply(0, rows, 0, tokens);
  for (std::int64_t begin = 0; begin < rows; begin += group)
    for (std::int64_t t = 0; t < tokens; ++t) {
      const std::vector<float> part = problem.multiply(begin, std::min(begin + group, rows), t, 1);
      for (std::int64_t r = begin; r < std::min(begin + group, rows); ++r)
        ASSERT_EQ(part[static_cast<std::size_t>(r)], whole[static_cast<std::size_t>(t * rows + r)]);
    }
}

TEST_P(PackedMatmul, GivesTheBitsOfTheScalarReference) {
  const Table& reference = find_table("scalar");
  for (const std::int64_t rows : {1, 7, 33})
    for (const std::int64_t tokens : {1, 4, 8, 13, 41}) {
      Problem problem(table(), type(), rows, 768, tokens), expected(reference, type(), rows, 768, tokens);
      EXPECT_TRUE(same_bits(problem.multiply(0, rows, 0, tokens), expected.multiply(0, rows, 0, tokens)))
          << rows << " rows, " << tokens << " tokens";
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, PackedMatmul, testing::ValuesIn(all_cases()), [](const auto& info) {
  return std::string(info.param.choice->table->isa) + "_" + std::string(to_string(info.param.type));
});

}  // namespace
}  // namespace linnet::kernels::packed_matmul_test
