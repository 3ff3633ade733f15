// tests/quant/quantize_test.cpp - every quantizer loses as little as the best known ones, and takes any
// input.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include <linnet/base/cpu.hpp>
#include <linnet/base/error.hpp>
#include <linnet/quant/searches.hpp>

#include "formats.hpp"

namespace linnet::quant::quantize_test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max();

template <class F>
constexpr bool is_float = F::block_length == 1;

template <class F>
class Quantize : public testing::Test {
 protected:
  static constexpr DType type = F::dtype;
  static constexpr std::size_t row_length = 256;
};
TYPED_TEST_SUITE(Quantize, AllFormats, FormatName);

/// The relative root mean square error that established tools reach on Gaussian weights without an importance
/// matrix; for F16 and BF16, half a unit in the last place.
double reference_error(DType type) {
  switch (type) {
    case DType::f32:
      return 0;
    case DType::f16:
      return 0x1p-12;
    case DType::bf16:
      return 0x1p-9;
    case DType::q4_0:
      return 0.08590;
    case DType::q4_1:
      return 0.07822;
    case DType::q5_0:
      return 0.04269;
    case DType::q5_1:
      return 0.03784;
    case DType::q8_0:
      return 0.00535;
    case DType::q2_k:
      return 0.29647;
    case DType::q3_k:
      return 0.15083;
    case DType::q4_k:
      return 0.07134;
    case DType::q5_k:
      return 0.03611;
    case DType::q6_k:
      return 0.01776;
    case DType::iq4_nl:
      return 0.07615;
    case DType::iq4_xs:
      return 0.07674;
    case DType::mxfp4:
      return 0.11410;
    default:
      ADD_FAILURE() << "no reference error for " << to_string(type);
      return 0;
  }
}

double relative_error(const std::vector<float>& expected, const std::vector<float>& found) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += (double{found[i]} - expected[i]) * (double{found[i]} - expected[i]);
    square += double{expected[i]} * expected[i];
  }
  return std::sqrt(error / square);
}

TYPED_TEST(Quantize, ReachesTheReferenceError) {
  const std::vector<float> x = gaussian(64 * 1024, 0.02f);
  EXPECT_LE(relative_error(x, round_trip(this->type, x)), 1.005 * reference_error(this->type));
}

TYPED_TEST(Quantize, FollowsScalingByPowersOfTwo) {
  const std::vector<float> x = gaussian(4 * this->row_length, 1);
  std::vector<float> expected = round_trip(this->type, x), larger = x;
  for (float& value : expected) value *= 16;
  for (float& value : larger) value *= 16;
  EXPECT_EQ(expected, round_trip(this->type, larger));
}

TYPED_TEST(Quantize, IsIdempotentWhereOneScaleIsAll) {
  // With offsets and nested scales several solutions are near, and a second search may settle on another.
  const std::set<DType> exact = {DType::f32,  DType::f16,  DType::bf16,   DType::q4_0,
                                 DType::q5_0, DType::q8_0, DType::iq4_nl, DType::mxfp4};
  const std::vector<float> once = round_trip(this->type, gaussian(16 * 1024, 0.02f));
  const std::vector<float> twice = round_trip(this->type, once);
  if (exact.contains(this->type)) {
    EXPECT_EQ(once, twice);
  } else {
    EXPECT_LE(relative_error(once, twice), 0.5 * reference_error(this->type));
  }
}

TYPED_TEST(Quantize, KeepsZeros) {
  for (float zero : {0.0f, -0.0f}) {
    const std::vector<float> x(this->row_length, zero);
    EXPECT_EQ(round_trip(this->type, x), x);
  }
}

TYPED_TEST(Quantize, KeepsOneValueRepeated) {
  // MXFP4 has only two values in a binade; the scales of -0.01 are halves that are subnormal in most other
  // types.
  const float tolerance = this->type == DType::mxfp4 ? 1.0f / 5 : 1.0f / 64;
  for (float value : {3.25f, -3.25f, 1000.0f, -0.01f})
    for (float y : round_trip(this->type, std::vector<float>(this->row_length, value)))
      ASSERT_NEAR(y, value, tolerance * std::fabs(value));
}

TYPED_TEST(Quantize, KeepsOneValueAmongZeros) {
  const float tolerance = this->type == DType::mxfp4 ? 1.0f / 5 : 1.0f / 100;
  for (std::size_t at = 0; at < this->row_length; at += 17)
    for (float value : {5.5f, -5.5f}) {
      std::vector<float> x(this->row_length, 0);
      x[at] = value;
      const std::vector<float> y = round_trip(this->type, x);
      for (std::size_t i = 0; i < x.size(); ++i)
        ASSERT_NEAR(y[i], x[i], tolerance * std::fabs(value)) << "element " << i << " of the peak at " << at;
    }
}

TYPED_TEST(Quantize, SaturatesBeyondItsReach) {
  std::vector<float> x = gaussian(this->row_length, 1);
  for (float huge : {1e9f, largest, infinity}) {
    x[3] = huge;
    x[200] = -huge;
    const std::vector<float> y = round_trip(this->type, x);
    EXPECT_GE(y[3], 60000.0f);
    EXPECT_LE(y[200], -60000.0f);
    if (!is_float<TypeParam>) {
      for (float value : y) ASSERT_TRUE(std::isfinite(value));
    }
  }
}

TYPED_TEST(Quantize, TakesNanAsZero) {
  if (is_float<TypeParam>) {
    EXPECT_TRUE(std::isnan(round_trip(this->type, {not_a_number})[0]));
    return;
  }
  std::vector<float> x = gaussian(this->row_length, 1), with_nan = x;
  for (std::size_t i : {0, 31, 32, 77, 255}) {
    x[i] = 0;
    with_nan[i] = i % 2 ? not_a_number : -not_a_number;
  }
  EXPECT_EQ(quantize_row(this->type, x), quantize_row(this->type, with_nan));
  const std::vector<float> nothing(this->row_length, not_a_number);
  EXPECT_EQ(round_trip(this->type, nothing), std::vector<float>(this->row_length, 0));
}

TYPED_TEST(Quantize, GoesToZeroBelowItsReach) {
  constexpr float smallest_scale = 0x1p-24f;
  for (float sigma : {1e-5f, 1e-6f, 1e-7f, 1e-8f, 1e-12f, 1e-20f, 1e-30f, 1e-38f, 1e-42f}) {
    const std::vector<float> x = gaussian(this->row_length, sigma), y = round_trip(this->type, x);
    const float peak = largest_magnitude(x.data(), static_cast<int>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(y[i], x[i], 1.5f * peak + smallest_scale) << "at " << sigma;
  }
}

TYPED_TEST(Quantize, TakesAnyBitsAndGivesTheSameBlockAgain) {
  std::mt19937 random(7);
  std::vector<float> x(64 * this->row_length);
  for (float& value : x) value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
  EXPECT_EQ(quantize_row(this->type, x), quantize_row(this->type, x));
  if (!is_float<TypeParam>) {
    for (float value : round_trip(this->type, x)) ASSERT_TRUE(std::isfinite(value));
  }
}

/// Weights as importance matrices have them: a few columns matter far more than the others.
std::vector<float> uneven_weights(std::size_t count) {
  std::vector<float> out = gaussian(count, 1, 2);
  for (float& w : out) w = w * w * w * w + 1e-3f;
  return out;
}

std::vector<float> weighted_round_trip(DType type, const std::vector<float>& x,
                                       const std::vector<float>& weights) {
  std::vector<std::byte> blocks(quantize_row(type, x).size());
  quantize(type, x, blocks.data(), weights);
  std::vector<float> out(x.size());
  dequantize(type, blocks.data(), out);
  return out;
}

double weighted_error(const std::vector<float>& x, const std::vector<float>& y, const std::vector<float>& w) {
  double error = 0;
  for (std::size_t i = 0; i < x.size(); ++i) error += w[i] * std::pow(double{y[i]} - x[i], 2);
  return error;
}

TYPED_TEST(Quantize, WeightsLowerTheWeightedErrorAndEqualOnesChangeLittle) {
  const std::vector<float> x = gaussian(16 * 1024, 0.02f), weights = uneven_weights(x.size());
  const std::vector<float> plain = round_trip(this->type, x);
  const std::vector<float> weighted = weighted_round_trip(this->type, x, weights);
  if (WeightedFormat<TypeParam>) {
    EXPECT_LT(weighted_error(x, weighted, weights), 0.97 * weighted_error(x, plain, weights));
  } else {
    EXPECT_EQ(weighted, plain);
  }
  const std::vector<float> equal = weighted_round_trip(this->type, x, std::vector<float>(x.size(), 1));
  EXPECT_LE(relative_error(x, equal), 1.01 * relative_error(x, plain));
}

TYPED_TEST(Quantize, TakesWeightsOfZeroAndOfAnySize) {
  for (float weight : {0.0f, 1e-3f, 0x1p20f}) {
    std::vector<float> x = gaussian(this->row_length, 1);
    x[7] = infinity;
    x[9] = not_a_number;
    if (is_float<TypeParam>) continue;
    for (float value : weighted_round_trip(this->type, x, std::vector<float>(x.size(), weight)))
      ASSERT_TRUE(std::isfinite(value)) << weight;
  }
}

TEST(QuantizeWithWeights, AsksForAsManyAsValues) {
  const std::vector<float> x(256), weights(255);
  std::vector<std::byte> blocks(1024);
  EXPECT_THROW(quantize(DType::q4_k, x, blocks.data(), weights), Error);
}

TEST(QuantizeWithSearches, GivesTheSameBytesOnEveryInstructionSet) {
#if defined(__x86_64__)
  if (!cpu_features().avx2) GTEST_SKIP() << "no AVX2 here";
  const std::vector<float> x = gaussian(4096, 0.02f), weights = uneven_weights(x.size());
  const detail::Searches& plain = detail::SearchFunctions<struct HereAlone>::all;
  for (const float* w : {static_cast<const float*>(nullptr), weights.data()})
    for (std::size_t at = 0; at < x.size(); at += 256) {
      const float* const block_weights = w ? w + at : nullptr;
      AffineGroups a = {}, b = {};
      plain.affine_groups(x.data() + at, block_weights, 32, 15, 63, a);
      fit_groups(x.data() + at, block_weights, 32, 15, 63, b);
      EXPECT_EQ(std::memcmp(&a, &b, sizeof a), 0);
      ScaledGroups c = {}, d = {};
      plain.groups(x.data() + at, block_weights, -32, 31, 128, c);
      fit_groups(x.data() + at, block_weights, -32, 31, 128, d);
      EXPECT_EQ(std::memcmp(&c, &d, sizeof c), 0);
    }
#else
  GTEST_SKIP() << "one instruction set here";
#endif
}

TEST(QuantizeWithOffset, FindsLevelsFarFromZero) {
  std::vector<float> x = gaussian(1024, 1);
  for (float& value : x) value += 100;
  // The offset is a half, whose steps at 100 are 1/16.
  for (DType type : {DType::q4_1, DType::q5_1}) {
    const std::vector<float> y = round_trip(type, x);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], x[i], 0.5f) << to_string(type);
    EXPECT_LE(100 * relative_error(x, y), 0.1) << to_string(type);
  }
}

}  // namespace
}  // namespace linnet::quant::quantize_test
