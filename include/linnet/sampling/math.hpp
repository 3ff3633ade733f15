// sampling/math.hpp - exp and log with the same bits everywhere. Never calls the system's, which differ.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace linnet::sampling {

inline constexpr double ln2 = 0x1.62e42fefa39efp-1;

/// e^x for x <= 0, within 2 ulp; below -708, where the result leaves the normal numbers, and for NaN, it is
/// 0. Additions and multiplications only (they are exactly rounded everywhere, given a build without
/// contraction), no branch: a loop over it vectorizes.
inline double exp_negative(double x) noexcept {
  constexpr double low = -708.0;
  const bool in_range = x >= low;
  const double clamped = in_range ? x : low;
  // x = n ln2 + r with |r| <= ln2 / 2; ln2 in two parts makes the product with n exact.
  constexpr double round_to_integer = 0x1.8p52;
  constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  const double shifted = clamped * (1 / ln2) + round_to_integer;
  const double n = shifted - round_to_integer;
  const double r = (clamped - n * ln2_high) - n * ln2_low;
  // Taylor's series: its 14th term is below 2^-57.
  constexpr double inverse_factorials[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                           1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                           1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
  double sum = inverse_factorials[0];
  for (int i = 1; i < 12; ++i) sum = sum * r + inverse_factorials[i];
  const double e_r = 1.0 + (r + r * r * sum);
  // The integer n stands in the lowest bits of `shifted`; moved up it is an exponent.
  const std::uint64_t power = (std::bit_cast<std::uint64_t>(shifted) + 1023) << 52;
  return in_range ? e_r * std::bit_cast<double>(power) : 0.0;
}

/// The natural logarithm of a normal x > 0, within 2 ulp; -infinity for 0 and subnormals.
inline double log_positive(double x) noexcept {
  if (x < std::numeric_limits<double>::min()) return -std::numeric_limits<double>::infinity();
  // x = m 2^n with m in [0.707, 1.414).
  constexpr std::uint64_t bits_of_sqrt_half = 0x3fe6a09e667f3bcd;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::int64_t n = static_cast<std::int64_t>(bits - bits_of_sqrt_half) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(n) << 52));
  // log m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172.
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 1.0 / 23;
  for (int k = 21; k >= 3; k -= 2) sum = sum * square + 1.0 / k;
  return static_cast<double>(n) * ln2 + 2 * (s + s * square * sum);
}

/// base^exponent for base in [0, 1] and exponent >= 0.
inline double power_of_fraction(double base, double exponent) noexcept {
  if (exponent == 0) return 1;
  return base <= 0 ? 0 : exp_negative(exponent * log_positive(base));
}

}  // namespace linnet::sampling
