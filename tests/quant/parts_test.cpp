// parts_test.cpp - that a block taken apart says the same as the block dequantized.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include <linnet/quant/formats.hpp>

namespace linnet::quant::parts_test {
namespace {

/// The formula of parts.hpp, in double.
template <IntegerFormat F>
double value(const Parts& parts, int i) {
  constexpr Packing p = F::packing;
  const int g = i / p.group_length;
  double d = to_float(parts.d);
  double level = parts.level[i] - p.level_bias;
  if constexpr (p.has_table) {
    level = F::table().value[parts.level[i]];
  } else if (p.is_signed) {
    level = static_cast<std::int8_t>(parts.level[i]);
  }
  if (p.fields == GroupFields::exponent) return std::ldexp(1.0, parts.scale[0] - 128) * level;
  const bool groups = p.fields != GroupFields::none;
  const double scale = groups ? parts.scale[g] - p.scale_bias : 1;
  const double min = groups ? parts.min[g] : 1;
  return d * scale * level - (p.has_min ? p.min_sign * to_float(parts.dmin) * min : 0);
}

TEST(Parts, SayWhatDequantizeSays) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.02f);
  int formats = 0;
  for_each_format([&]<class F>() {
    if constexpr (IntegerFormat<F>) {
      ++formats;
      for (int round = 0; round < 20; ++round) {
        std::vector<float> x(F::block_length), y(F::block_length);
        for (float& v : x) v = normal(random) + 0.01f;
        typename F::Block block;
        F::quantize(x.data(), block);
        F::dequantize(block, y.data());
        Parts parts;
        F::split(block, parts);
        for (int i = 0; i < F::block_length; ++i)
          ASSERT_NEAR(value<F>(parts, i), y[static_cast<std::size_t>(i)], 1e-7)
              << to_string(F::dtype) << " " << i;
      }
    }
  });
  EXPECT_EQ(formats, 13);
}

}  // namespace
}  // namespace linnet::quant::parts_test
