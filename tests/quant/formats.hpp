// tests/quant/formats.hpp - what the tests of the quant layer share: every format as a test type, rows, round
// trips.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::quant {

template <class List>
struct AsTypes;
template <class... F>
struct AsTypes<FormatList<F...>> {
  using type = testing::Types<F...>;
};
using AllFormats = AsTypes<Formats>::type;

struct FormatName {
  template <class F>
  static std::string GetName(int) {
    return std::string(to_string(F::dtype));
  }
};

inline std::vector<float> gaussian(std::size_t count, float sigma, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> out(count);
  for (float& x : out) x = normal(random);
  return out;
}

inline std::vector<std::byte> quantize_row(DType type, const std::vector<float>& x) {
  std::vector<std::byte> out(static_cast<std::size_t>(byte_size(type, static_cast<std::int64_t>(x.size()))));
  quantize(type, x, out.data());
  return out;
}

/// What is left of a row after quantization.
inline std::vector<float> round_trip(DType type, const std::vector<float>& x) {
  std::vector<float> out(x.size());
  dequantize(type, quantize_row(type, x).data(), out);
  return out;
}

}  // namespace linnet::quant
