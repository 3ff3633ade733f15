// tests/base/half_test.cpp - the conversions of halves and bfloat16 against arithmetic in double and the
// compiler's own.
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/base/half.hpp>

namespace linnet::half_test {
namespace {

/// The value of a half by its definition.
double value_of(Half h) {
  const int exponent = (h.bits >> 10) & 31, mantissa = h.bits & 1023;
  const double sign = h.bits & 0x8000 ? -1 : 1;
  if (exponent == 31)
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

/// The half nearest to a value that is no NaN: the multiple of its binade's unit, ties to the even one.
std::uint16_t nearest_half(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(double{value});
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), -14);
  const int units = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  // A subnormal has fewer than 1024 units and the exponent field 0; a carry out of the mantissa is right as
  // it stands.
  return static_cast<std::uint16_t>(sign | (((exponent + 14) << 10) + units));
}

/// The bfloat16 nearest to a finite value, chosen from the two around it by their distance in double.
std::uint16_t nearest_bfloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto distance = [&](std::uint32_t upper) {
    // 2^128 stands for infinity: that is where rounding puts the border.
    const double candidate =
        (upper & 0x7fff) == 0x7f80 ? 0x1p128 : std::fabs(std::bit_cast<float>(upper << 16));
    return std::fabs(candidate - std::fabs(double{value}));
  };
  const std::uint32_t below = bits >> 16, above = below + 1;
  if (distance(below) == distance(above)) return static_cast<std::uint16_t>(below % 2 ? above : below);
  return static_cast<std::uint16_t>(distance(below) < distance(above) ? below : above);
}

/// Random bits, and around every half and every middle between two: the float itself and its neighbours.
std::vector<float> interesting_floats() {
  std::vector<float> out;
  std::mt19937 random(3);
  for (int i = 0; i < 1'000'000; ++i)
    out.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  std::uniform_real_distribution<float> exponent(-27, 17);
  for (int i = 0; i < 1'000'000; ++i) out.push_back((i % 2 ? 1.0f : -1.0f) * std::exp2(exponent(random)));
  for (std::uint32_t h = 0; h < 0x7c00; ++h) {
    const double low = value_of({static_cast<std::uint16_t>(h)});
    const double high = h == 0x7bff ? 65536 : value_of({static_cast<std::uint16_t>(h + 1)});
    for (double at : {low, (low + high) / 2}) {
      const float exact = static_cast<float>(at);
      for (float each : {exact, std::nextafter(exact, 1e9f), std::nextafter(exact, -1e9f)}) {
        out.push_back(each);
        out.push_back(-each);
      }
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  for (float each :
       {infinity, -infinity, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()})
    out.push_back(each);
  return out;
}

template <class Number>
std::uint32_t float_bits(Number number) {
  return std::bit_cast<std::uint32_t>(to_float(number));
}

TEST(Half, ReadsAll65536) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half h{static_cast<std::uint16_t>(bits)};
    const double expected = value_of(h);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(to_float(h))) << std::hex << bits;
    } else {
      ASSERT_EQ(float_bits(h), std::bit_cast<std::uint32_t>(static_cast<float>(expected)))
          << std::hex << bits;
    }
  }
}

TEST(Half, WritesWhatItRead) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half h{static_cast<std::uint16_t>(bits)};
    if (std::isnan(value_of(h))) {
      ASSERT_TRUE(std::isnan(to_float(to_half(to_float(h))))) << std::hex << bits;
    } else {
      ASSERT_EQ(to_half(to_float(h)).bits, bits) << std::hex << bits;
    }
  }
}

TEST(Half, RoundsToTheNearestTiesToEven) {
  for (float value : interesting_floats()) {
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(to_float(to_half(value))));
    } else {
      ASSERT_EQ(to_half(value).bits, nearest_half(value)) << std::hexfloat << value;
    }
  }
}

TEST(Half, KeepsTheSignOfNan) {
  for (std::uint32_t bits : {0x7f800001u, 0xff800001u, 0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0xffffffffu})
    EXPECT_EQ(to_half(std::bit_cast<float>(bits)).bits >> 15, bits >> 31);
}

TEST(Half, IsUsableAtCompileTime) {
  static_assert(to_float(Half{0x3c00}) == 1.0f && to_float(Half{0x0001}) == 0x1p-24f);
  static_assert(to_half(1.0f).bits == 0x3c00 && to_half(0x1p-24f).bits == 0x0001 &&
                to_half(65520.0f).bits == 0x7c00);
  static_assert(to_bfloat16(1.0f).bits == 0x3f80 && to_float(BFloat16{0xbf80}) == -1.0f);
}

TEST(Half, AgreesWithTheCompiler) {
#ifdef __FLT16_MAX__
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float expected = static_cast<float>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits)));
    if (!std::isnan(expected)) {
      ASSERT_EQ(float_bits(Half{static_cast<std::uint16_t>(bits)}), std::bit_cast<std::uint32_t>(expected));
    }
  }
  for (float value : interesting_floats())
    if (!std::isnan(value)) {
      ASSERT_EQ(to_half(value).bits, std::bit_cast<std::uint16_t>(static_cast<_Float16>(value))) << value;
    }
#else
  GTEST_SKIP() << "this compiler has no _Float16";
#endif
}

TEST(BFloat16, IsTheUpperHalfOfAFloat) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits)
    ASSERT_EQ(float_bits(BFloat16{static_cast<std::uint16_t>(bits)}), bits << 16);
}

TEST(BFloat16, RoundsToTheNearestTiesToEven) {
  std::vector<float> values = interesting_floats();
  for (std::uint32_t upper = 0; upper < 0x7f80; ++upper)
    for (std::uint32_t lower : {0x0000u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
  for (float value : values) {
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(to_float(to_bfloat16(value))));
    } else if (std::isinf(value)) {
      ASSERT_EQ(to_float(to_bfloat16(value)), value);
    } else {
      ASSERT_EQ(to_bfloat16(value).bits, nearest_bfloat16(value)) << std::hexfloat << value;
    }
  }
}

}  // namespace
}  // namespace linnet::half_test
