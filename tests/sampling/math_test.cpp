// math_test.cpp - exp, log and random numbers against the system's and against published values.
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/sampling/math.hpp>
#include <linnet/sampling/random.hpp>

namespace linnet::sampling::math_test {
namespace {

/// Distance in units of the last place of `expected`.
double ulps(double value, long double expected) {
  const double rounded = static_cast<double>(expected);
  return static_cast<double>(std::abs(value - expected)) / (std::nextafter(rounded, INFINITY) - rounded);
}

TEST(Math, ExpIsWithinTwoUlps) {
  double worst = 0;
  for (double x = 0; x > -707; x -= 0.0037)
    worst = std::max(worst, ulps(exp_negative(x), std::exp(static_cast<long double>(x))));
  for (double x = -1e-18; x > -1; x *= 1.01)
    worst = std::max(worst, ulps(exp_negative(x), std::exp(static_cast<long double>(x))));
  EXPECT_LT(worst, 2);
  EXPECT_EQ(exp_negative(0), 1);
}

TEST(Math, ExpEndsAtZero) {
  EXPECT_GT(exp_negative(-708), 0);
  EXPECT_EQ(exp_negative(-708.1), 0);
  EXPECT_EQ(exp_negative(-1e300), 0);
  EXPECT_EQ(exp_negative(-INFINITY), 0);
  EXPECT_EQ(exp_negative(NAN), 0);
}

TEST(Math, LogIsWithinTwoUlps) {
  double worst = 0;
  for (double x = 1e-300; x < 1e300; x *= 1.0137)
    worst = std::max(worst, ulps(log_positive(x), std::log(static_cast<long double>(x))));
  EXPECT_LT(worst, 2);
  EXPECT_EQ(log_positive(1), 0);
  EXPECT_EQ(log_positive(0), -INFINITY);
  EXPECT_EQ(log_positive(std::numeric_limits<double>::denorm_min()), -INFINITY);
}

TEST(Math, PowerOfAFraction) {
  EXPECT_EQ(power_of_fraction(0, 0), 1);
  EXPECT_EQ(power_of_fraction(0, 2), 0);
  EXPECT_EQ(power_of_fraction(1, 7), 1);
  EXPECT_NEAR(power_of_fraction(0.3, 2.5), std::pow(0.3, 2.5), 1e-15);
}

TEST(Math, BitsAreFixed) {
  // Written down once: they must not change with compiler, flags or machine.
  EXPECT_EQ(exp_negative(-0.1), 0x1.cf46d99d52b3ap-1);
  EXPECT_EQ(exp_negative(-12.75), 0x1.858af84b7431p-19);
  EXPECT_EQ(log_positive(3), 0x1.193ea7aad030ap+0);
}

TEST(Random, IsPcg32) {
  // The first output of the demonstration program that its author published, for seed 42 and stream 54.
  Random random(42, 54);
  for (const std::uint32_t expected :
       {0xa15c02b7u, 0x7b47f409u, 0xba1d3330u, 0x83d2f293u, 0xbfa4784bu, 0xcbed606eu})
    EXPECT_EQ(random.next(), expected);
}

TEST(Random, UniformIsEvenAndBelowOne) {
  Random random(7, 1);
  constexpr int draws = 100'000, bins = 50;
  std::vector<int> counts(bins);
  for (int i = 0; i < draws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<std::size_t>(u * bins)];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - draws / bins, 2) / (draws / bins);
  EXPECT_LT(chi_square, 85.4);  // 49 degrees of freedom: exceeded once in a thousand seeds
}

}  // namespace
}  // namespace linnet::sampling::math_test
