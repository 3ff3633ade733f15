// attention_test.cpp - streaming softmax attention of every cache type on every table, against float64.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <linnet/kernels/kv_page.hpp>
#include <linnet/quant/convert.hpp>

#include "tables.hpp"

namespace linnet::kernels::attention_test {
namespace {

/// What one call is asked.
struct Case {
  std::int64_t head_dim = 64, heads = 2, key_begin = 0, key_end = 40;
  float soft_cap = 0, magnitude = 1;  // of the queries
};

/// Keys and values in pages that lie in another order than their positions, and what must come out.
class Cache {
 public:
  Cache(DType type, const Case& c) : type_(type), c_(c) {
    const std::int64_t block = info(type).block_length;
    row_ = (c.head_dim + block - 1) / block * block;
    const std::int64_t row_bytes = byte_size(type, row_), part = page_length * row_bytes;
    const auto pages = static_cast<std::size_t>((c.key_end + page_length - 1) / page_length);
    memory_.assign(pages * static_cast<std::size_t>(3 * part), std::byte{0x7f});
    for (std::size_t p = 0; p < pages; ++p) {
      const bool is_hidden = static_cast<std::int64_t>(p + 1) * page_length <= c.key_begin;
      std::byte* const page = memory_.data() + (pages - 1 - p) * static_cast<std::size_t>(3 * part);
      pages_.push_back(is_hidden ? nullptr : page);  // a window has given it back
      for (std::int64_t i = 0; i < page_length; ++i) {
        const auto seed = static_cast<unsigned>(p * 100 + static_cast<std::size_t>(i));
        const std::vector<float> key = gaussian(c.head_dim, seed),
                                 value = gaussian(c.head_dim, seed + 50'000);
        store_key(type, key.data(), c.head_dim, page + part, i);
        store_value(type, value.data(), c.head_dim, page + 2 * part, i);
        remember(key, keys_);
        remember(value, values_);
      }
    }
    q_ = gaussian(c.heads * c.head_dim, 7, c.magnitude);
  }

  /// The last `tokens` positions' answers, of which each sees what the last one does, moved on by its place;
  /// the last is [heads, head_dim] at the end.
  std::vector<float> run(const Table& table, std::int64_t tokens = 1) const {
    std::vector<float> queries;
    for (std::int64_t t = 0; t < tokens; ++t) queries.insert(queries.end(), q_.begin(), q_.end());
    std::vector<float> out(queries.size(), NAN);
    std::vector<float> scratch(static_cast<std::size_t>(attention_scratch(tokens * c_.heads, row_)) + 1, -3);
    const std::int64_t part = page_length * byte_size(type_, row_);
    entry(table.attention, type_)({.q = queries.data(),
                                   .q_stride = c_.heads * c_.head_dim,
                                   .tokens = tokens,
                                   .heads = c_.heads,
                                   .head_dim = c_.head_dim,
                                   .pages = pages_.data(),
                                   .k_offset = part,
                                   .v_offset = 2 * part,
                                   .key_end = c_.key_end - tokens + 1,
                                   .window = c_.key_begin > 0 ? c_.key_end - c_.key_begin : 0,
                                   .scale = scale(),
                                   .soft_cap = c_.soft_cap,
                                   .out = out.data(),
                                   .out_stride = c_.heads * c_.head_dim,
                                   .scratch = scratch.data()});
    EXPECT_EQ(scratch.back(), -3) << "wrote past its scratch";
    return out;
  }

  /// The largest error, in units of what rounding may cost.
  double error(const std::vector<float>& out) const {
    double worst = 0;
    for (std::int64_t h = 0; h < c_.heads; ++h) {
      std::vector<double> weights, expected(static_cast<std::size_t>(c_.head_dim));
      double largest = -INFINITY, condition = 0, total = 0;
      for (std::int64_t p = c_.key_begin; p < c_.key_end; ++p) {
        double sum = 0, sum_abs = 0;
        for (std::int64_t i = 0; i < c_.head_dim; ++i) {
          const double product = static_cast<double>(q(h, i)) * key(p, i);
          sum += product;
          sum_abs += std::fabs(product);
        }
        double score = scale() * sum;
        if (c_.soft_cap != 0) score = c_.soft_cap * std::tanh(score / c_.soft_cap);
        weights.push_back(score);
        largest = std::max(largest, score);
        condition = std::max(condition, scale() * sum_abs);
      }
      for (double& w : weights) total += w = std::exp(w - largest);
      double size = 0;  // of the values that are mixed
      for (std::size_t k = 0; k < weights.size(); ++k)
        for (std::int64_t i = 0; i < c_.head_dim; ++i) {
          const double v = value(c_.key_begin + static_cast<std::int64_t>(k), i);
          expected[static_cast<std::size_t>(i)] += weights[k] / total * v;
          size = std::max(size, std::fabs(v));
        }
      for (std::int64_t i = 0; i < c_.head_dim; ++i) {
        const float found = out[static_cast<std::size_t>(h * c_.head_dim + i)];
        if (!std::isfinite(found)) return INFINITY;
        const double cost = unit * size * (20 + 4 * condition);
        worst = std::max(worst, std::fabs(found - expected[static_cast<std::size_t>(i)]) / cost);
      }
    }
    return worst;
  }

 private:
  float scale() const { return 1 / std::sqrt(static_cast<float>(c_.head_dim)); }
  float q(std::int64_t h, std::int64_t i) const { return q_[static_cast<std::size_t>(h * c_.head_dim + i)]; }
  float key(std::int64_t p, std::int64_t i) const { return keys_[static_cast<std::size_t>(p * row_ + i)]; }
  float value(std::int64_t p, std::int64_t i) const {
    return values_[static_cast<std::size_t>(p * row_ + i)];
  }

  /// What the cache's type makes of a row, filled up with zeros.
  void remember(std::vector<float> row, std::vector<float>& rows) const {
    row.resize(static_cast<std::size_t>(row_));
    std::vector<std::byte> blocks(static_cast<std::size_t>(byte_size(type_, row_)));
    quant::quantize(type_, row, blocks.data());
    quant::dequantize(type_, blocks.data(), row);
    rows.insert(rows.end(), row.begin(), row.end());
  }

  DType type_;
  Case c_;
  std::int64_t row_ = 0;  // values of a row, in whole blocks
  std::vector<std::byte> memory_;
  std::vector<const std::byte*> pages_;
  std::vector<float> keys_, values_, q_;
};

class Attention : public OnEachType {
 protected:
  void expect_right(const Case& c) const {
    const Cache cache(type(), c);
    EXPECT_LT(cache.error(cache.run(table())), 1)
        << "head_dim " << c.head_dim << ", heads " << c.heads << ", keys " << c.key_begin << " to "
        << c.key_end << ", soft cap " << c.soft_cap << ", magnitude " << c.magnitude;
  }
};

TEST_P(Attention, HeadSizes) {
  for (const std::int64_t head_dim : {1, 7, 16, 20, 64, 80, 96, 128, 256})
    expect_right({.head_dim = head_dim});
}

TEST_P(Attention, GroupsOfHeads) {
  for (std::int64_t heads = 1; heads <= 8; ++heads) expect_right({.head_dim = 20, .heads = heads});
}

TEST_P(Attention, Lengths) {
  for (const std::int64_t length : {1, 2, 7, 31, 32, 33, 64, 65, 200})
    expect_right({.head_dim = 24, .heads = 3, .key_end = length});
}

TEST_P(Attention, Windows) {
  for (const std::int64_t begin : {1, 5, 31, 32, 33, 63, 64, 70, 99})
    expect_right({.head_dim = 20, .key_begin = begin, .key_end = 100});
}

TEST_P(Attention, SoftCaps) {
  for (const float cap : {0.5f, 5.0f, 50.0f})
    for (const float magnitude : {0.01f, 1.0f, 20.0f})
      expect_right({.head_dim = 20, .key_end = 70, .soft_cap = cap, .magnitude = magnitude});
}

TEST_P(Attention, ScoresOfAnyMagnitude) {
  for (const float magnitude : {1e-30f, 1e-3f, 100.0f, 1e4f, 1e20f, 1e35f})
    for (const float cap : {0.0f, 30.0f})
      expect_right({.head_dim = 20, .key_end = 70, .soft_cap = cap, .magnitude = magnitude});
}

TEST_P(Attention, ATokenDoesNotDependOnItsNeighbours) {
  for (const std::int64_t heads : {1, 3, 4})
    for (const std::int64_t tokens : {2, 5, 33}) {
      const Cache cache(type(), {.head_dim = 20, .heads = heads, .key_end = 70});
      const std::vector<float> together = cache.run(table(), tokens), alone = cache.run(table());
      EXPECT_TRUE(
          same_bits({together.end() - static_cast<std::ptrdiff_t>(alone.size()), together.end()}, alone));
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, Attention,
                         testing::Combine(testing::ValuesIn(all_choices()),
                                          testing::Values(DType::f32, DType::f16, DType::bf16, DType::q8_0)),
                         ParamName());

}  // namespace
}  // namespace linnet::kernels::attention_test
