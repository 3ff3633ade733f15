// tiled_attention_test.cpp - attention of many queries on tile registers, real and emulated, against float64.
#include <algorithm>
#include <cmath>

#include <linnet/base/buffer.hpp>
#include <linnet/kernels/kv_page.hpp>
#include <linnet/quant/convert.hpp>

#include "kernels/tiled_tables.hpp"

namespace linnet::kernels::tiled_attention_test {
namespace {

/// Neighbouring tokens of a sequence that holds `depth` already.
struct Case {
  std::int64_t head_dim = 64, heads = 3, tokens = 11, depth = 0, window = 0;
  float soft_cap = 0, magnitude = 1;  // of the queries
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << "head_dim " << c.head_dim << ", heads " << c.heads << ", tokens " << c.tokens << ", depth "
             << c.depth << ", window " << c.window << ", soft cap " << c.soft_cap << ", magnitude "
             << c.magnitude;
}

// What an answer may be wrong by. Rounding to bfloat16 moves a number by a random relative error: evenly
// spread up to half of 2^-7 / m, m being the leading digits from 1 to 2, so that the root of its mean square
// over numbers of any size is 2^-7 * 0.2123 (`rounding`). It moves
// - a score, by its query and its key: by the slope of the cap * scale * sqrt(sum of (q k)^2) * rounding
// each;
//   the answer then by weight * (value - answer) times that, for every position;
// - a weight and a value: by weight * value * rounding each.
// Keys and values of a cache in bfloat16 need none. All of these are independent: their squares add up to the
// variance of the answer. Among the three million answers here the worst should be off by some 5 deviations.
// A position too many or too few is off by ten times as much.
constexpr double rounding = 0x1p-7 * 0.2123, most = 6;
// Twice the error of the cubic that powers of two are made by, and of float32 sums.
constexpr double cubic = 1.5e-4, exact_sums = 2e-6;

/// Keys and values in pages that lie in another order than their positions; what no token sees is NaN.
class Sequence {
 public:
  Sequence(DType type, const Case& c) : type_(type), c_(c), length_(page_row_length(type, c.head_dim)) {
    const std::int64_t part = part_bytes(), end = c.depth + c.tokens;
    const std::int64_t begin = c.window > 0 ? std::max<std::int64_t>(0, c.depth + 1 - c.window) : 0;
    const std::int64_t pages = (end + page_length - 1) / page_length;
    memory_.assign(static_cast<std::size_t>(pages * 3 * part), std::byte{0xff});
    for (std::int64_t p = 0; p < pages; ++p) {
      std::byte* const page = memory_.data() + (pages - 1 - p) * 3 * part;
      pages_.push_back((p + 1) * page_length <= begin ? nullptr : page);  // a window has given it back
    }
    keys_ = gaussian(end * c.head_dim, 1);
    values_ = gaussian(end * c.head_dim, 2);
    for (std::int64_t p = begin; p < end; ++p) {
      store(p, keys_.data() + p * c.head_dim, values_.data() + p * c.head_dim);
      round(keys_.data() + p * c.head_dim);
      round(values_.data() + p * c.head_dim);
    }
    q_ = gaussian(c.tokens * c.heads * c.head_dim, 3, c.magnitude);
  }

  /// Writes what the engine would for a position.
  void store(std::int64_t p, const float* key, const float* value) {
    std::byte* const page = const_cast<std::byte*>(pages_[static_cast<std::size_t>(p / page_length)]);
    store_key(type_, key, c_.head_dim, page + part_bytes(), p % page_length);
    store_value(type_, value, c_.head_dim, page + 2 * part_bytes(), p % page_length);
  }

  /// The answers [count, heads, head_dim] of tokens from `first` on.
  std::vector<float> run(const Table& table, std::int64_t first, std::int64_t count) const {
    const std::int64_t row = c_.heads * c_.head_dim;
    std::vector<float> out(static_cast<std::size_t>(count * row), NAN);
    const std::int64_t floats = tiled_attention_scratch(count * c_.heads, length_);
    EXPECT_GE(floats, attention_scratch(count * c_.heads, length_));
    Buffer scratch(static_cast<std::size_t>(floats + 1) * sizeof(float));
    std::fill_n(scratch.as<float>(), floats, NAN);
    scratch.as<float>()[floats] = -3;
    entry(table.tiled_attention, type_)({.q = q_.data() + first * row,
                                         .q_stride = row,
                                         .tokens = count,
                                         .heads = c_.heads,
                                         .head_dim = c_.head_dim,
                                         .pages = pages_.data(),
                                         .k_offset = part_bytes(),
                                         .v_offset = 2 * part_bytes(),
                                         .key_end = c_.depth + first + 1,
                                         .window = c_.window,
                                         .scale = scale(),
                                         .soft_cap = c_.soft_cap,
                                         .out = out.data(),
                                         .out_stride = row,
                                         .scratch = scratch.as<float>()});
    EXPECT_EQ(scratch.as<float>()[floats], -3) << "wrote past its scratch";
    return out;
  }
  std::vector<float> run(const Table& table) const { return run(table, 0, c_.tokens); }

  /// The largest error of a token's answers, in standard deviations of what rounding may do.
  double error(const std::vector<float>& out, std::int64_t token) const {
    double worst = 0;
    for (std::int64_t h = 0; h < c_.heads; ++h) {
      const std::int64_t at = (token * c_.heads + h) * c_.head_dim;
      worst = std::max(worst, error_of_head(out.data() + at, q_.data() + at, token));
    }
    return worst;
  }

 private:
  float scale() const { return 1 / std::sqrt(static_cast<float>(c_.head_dim)); }
  std::int64_t part_bytes() const { return page_length * byte_size(type_, length_); }

  /// What the cache's type makes of a row.
  void round(float* row) const {
    std::vector<float> padded(static_cast<std::size_t>(length_));
    std::copy_n(row, c_.head_dim, padded.begin());
    std::vector<std::byte> blocks(static_cast<std::size_t>(byte_size(type_, length_)));
    quant::quantize(type_, padded, blocks.data());
    quant::dequantize(type_, blocks.data(), padded);
    std::copy_n(padded.begin(), c_.head_dim, row);
  }

  /// A position's weight, and the variance of its score.
  struct Weight {
    double weight, variance;
  };
  std::vector<Weight> weights(const float* q, std::int64_t begin, std::int64_t end) const {
    const double cached = type_ == DType::bf16 ? 0 : 1;
    std::vector<Weight> out;
    double largest = -INFINITY, total = 0;
    for (std::int64_t p = begin; p < end; ++p) {
      double sum = 0, squares = 0;
      for (std::int64_t d = 0; d < c_.head_dim; ++d) {
        const double product =
            static_cast<double>(q[d]) * keys_[static_cast<std::size_t>(p * c_.head_dim + d)] * scale();
        sum += product, squares += product * product;
      }
      double slope = 1;
      if (c_.soft_cap != 0) {
        const double t = std::tanh(sum / c_.soft_cap);
        sum = c_.soft_cap * t, slope = 1 - t * t;
      }
      largest = std::max(largest, sum);
      out.push_back({sum, slope * slope * squares * (1 + cached) * rounding * rounding});
    }
    for (Weight& w : out) total += w.weight = std::exp(w.weight - largest);
    for (Weight& w : out) w.weight /= total;
    return out;
  }

  double error_of_head(const float* out, const float* q, std::int64_t token) const {
    const std::int64_t end = c_.depth + token + 1;
    const std::int64_t begin = c_.window > 0 ? std::max<std::int64_t>(0, end - c_.window) : 0;
    const std::vector<Weight> of = weights(q, begin, end);
    const double rounded = (type_ == DType::bf16 ? 1 : 2) * rounding * rounding;
    double worst = 0;
    for (std::int64_t d = 0; d < c_.head_dim; ++d) {
      const auto value = [&](std::size_t k) {
        return static_cast<double>(
            values_[(static_cast<std::size_t>(begin) + k) * static_cast<std::size_t>(c_.head_dim) +
                    static_cast<std::size_t>(d)]);
      };
      double expected = 0, variance = 0, size = 0;
      for (std::size_t k = 0; k < of.size(); ++k) expected += of[k].weight * value(k);
      for (std::size_t k = 0; k < of.size(); ++k) {
        const double w = of[k].weight * of[k].weight, v = value(k), away = v - expected;
        variance += w * (away * away * of[k].variance + v * v * rounded);
        size += of[k].weight * std::fabs(v);
      }
      if (!std::isfinite(out[d])) return INFINITY;
      const double beside = size * (cubic + exact_sums * std::sqrt(static_cast<double>(c_.head_dim)));
      worst = std::max(worst, (std::fabs(out[d] - expected) - beside) / std::sqrt(variance));
    }
    return worst;
  }

  DType type_;
  Case c_;
  std::int64_t length_;  // values of a row, in whole blocks
  std::vector<std::byte> memory_;
  std::vector<const std::byte*> pages_;
  std::vector<float> keys_, values_;  // [positions, head_dim], as the cache's type has them
  std::vector<float> q_;              // [tokens, heads, head_dim]
};

class TiledAttention : public OnEachTiled {
 protected:
  void expect_right(const Case& c) {
    const Sequence sequence(type(), c);
    const std::vector<float> out = sequence.run(table());
    double worst = 0;
    for (std::int64_t t = 0; t < c.tokens; ++t) worst = std::max(worst, sequence.error(out, t));
    EXPECT_LT(worst, most) << c;
    worst_ = std::max(worst_, worst);
  }
  void TearDown() override { RecordProperty("worst_deviation", std::to_string(worst_)); }

  double worst_ = 0;
};

TEST_P(TiledAttention, HeadSizesQueriesWindowsCapsAndDepths) {
  for (const std::int64_t head_dim : {1, 7, 20, 64, 80, 96, 128, 256})
    for (const std::int64_t tokens : {1, 7, 39})
      for (const std::int64_t window : {0, 1, 50})
        for (const float cap : {0.0f, 3.0f})
          for (const std::int64_t depth : {0, 5, 127, 300})
            expect_right({.head_dim = head_dim,
                          .heads = tokens == 39 ? 1 : 3,
                          .tokens = tokens,
                          .depth = depth,
                          .window = window,
                          .soft_cap = cap});
}

TEST_P(TiledAttention, DeepAndWithLargeScores) {
  expect_right({.heads = 4, .tokens = 9, .depth = 4096});
  expect_right({.heads = 4, .tokens = 9, .depth = 4096, .window = 1000});
  for (const float magnitude : {1e-6f, 0.1f, 4.0f})
    expect_right({.heads = 5, .tokens = 30, .depth = 200, .magnitude = magnitude});
}

TEST_P(TiledAttention, Windows) {
  for (std::int64_t window = 1; window < 200; window += 13)
    expect_right({.head_dim = 16, .heads = 2, .tokens = 70, .depth = 250, .window = window});
}

TEST_P(TiledAttention, ScoresOfAnyMagnitude) {
  for (const float magnitude : {1e-35f, 1e3f, 1e20f, 1e35f})
    for (const float cap : {0.0f, 30.0f}) {
      const Sequence sequence(
          type(), {.head_dim = 20, .tokens = 40, .depth = 70, .soft_cap = cap, .magnitude = magnitude});
      for (const float v : sequence.run(table())) ASSERT_LT(std::fabs(v), 6) << magnitude << ", cap " << cap;
    }
}

TEST_P(TiledAttention, ATokenDoesNotDependOnItsNeighbours) {
  for (const std::int64_t window : {0, 40}) {
    constexpr std::int64_t tokens = 45, heads = 3;
    const Sequence sequence(
        type(), {.head_dim = 20, .heads = heads, .tokens = tokens, .depth = 100, .window = window});
    const std::vector<float> together = sequence.run(table());
    for (const std::int64_t most_tokens : {1, 4, 6, 19})
      for (std::int64_t t = 0; t < tokens; t += most_tokens) {
        const std::vector<float> alone = sequence.run(table(), t, std::min(most_tokens, tokens - t));
        const auto from = together.begin() + t * heads * 20;
        ASSERT_TRUE(same_bits({from, from + static_cast<std::ptrdiff_t>(alone.size())}, alone)) << t;
      }
  }
}

TEST_P(TiledAttention, WhatATokenDoesNotSeeNeverReachesIt) {
  if (type() == DType::q8_0) GTEST_SKIP() << "its blocks hold no NaN";
  constexpr std::int64_t tokens = 40, depth = 100, broken = 20;
  for (const float bad : {NAN, INFINITY})
    for (const std::int64_t window : {0, 30}) {
      Sequence sequence(type(), {.head_dim = 20, .tokens = tokens, .depth = depth, .window = window});
      const std::vector<float> row(20, bad);
      // With a window the last tokens do not see this position any more, without one they do.
      sequence.store(depth + broken - (window > 0 ? 25 : 0), row.data(), row.data());
      const std::vector<float> out = sequence.run(table());
      for (std::int64_t t = 0; t < tokens; ++t) {
        const bool sees = window > 0 ? t < broken - 25 + window : t >= broken;
        ASSERT_EQ(sequence.error(out, t) < most, !sees) << "token " << t << ", window " << window;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, TiledAttention,
                         testing::Combine(testing::ValuesIn(all_tiled()),
                                          testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8_0)),
                         TiledName());
// Elsewhere than on x86-64 there are no tiles.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TiledAttention);

}  // namespace
}  // namespace linnet::kernels::tiled_attention_test
