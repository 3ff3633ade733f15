// elementwise_test.cpp - norms, RoPE, activations, soft caps and sums on every table, against float64.
#include <cfloat>
#include <cmath>
#include <functional>

#include "tables.hpp"

namespace linnet::kernels::elementwise_test {
namespace {

const std::int64_t lengths[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 1000};

class Elementwise : public OnEachTable {};
INSTANTIATE_TEST_SUITE_P(Tables, Elementwise, testing::ValuesIn(all_choices()), ParamName());

/// Values of every size and sign, zeros among them.
std::vector<float> extreme_values() {
  std::vector<float> out = {0, -0.0f, FLT_MIN, -FLT_MIN, FLT_MAX, -FLT_MAX};
  for (float size = 1e-30f; size < 1e37f; size *= 3.7f) out.insert(out.end(), {size, -size});
  for (float x = -20; x < 20; x += 0.0937f) out.push_back(x);
  return out;
}

/// y is within `ulps` roundings of expected, on the scale of `size`.
void expect_near(float y, double expected, double size, double ulps, std::int64_t i) {
  EXPECT_NEAR(y, expected, unit * 2 * ulps * size + 1e-37) << "at " << i;
}

struct Row {
  std::vector<float> x, weight, bias;
  Row(std::int64_t n, float mean, float sigma)
      : x(gaussian(n, 1, sigma)), weight(gaussian(n, 2)), bias(gaussian(n, 3)) {
    for (float& v : x) v += mean;
  }
};

/// Checks y = (x - shift) * factor * weight + bias, where the norm moves x by its mean and scales it.
void check_norm(Norm norm, bool centred, std::int64_t n, float mean, float sigma, float eps) {
  const Row row(n, mean, sigma);
  double shift = 0, square = 0;
  for (float v : row.x) shift += centred ? v / static_cast<double>(n) : 0;
  for (float v : row.x) square += (v - shift) * (v - shift) / static_cast<double>(n);
  const double factor = 1 / std::sqrt(square + eps);
  // What one rounding of x, and of its mean, is worth after scaling.
  const double size = (std::fabs(mean) + 5 * sigma) * factor;
  for (const bool weighted : {false, true})
    for (const bool biased : {false, true}) {
      std::vector<float> y(row.x.size(), NAN), in_place = row.x;
      const float *weight = weighted ? row.weight.data() : nullptr,
                  *bias = biased ? row.bias.data() : nullptr;
      norm(row.x.data(), weight, bias, eps, n, y.data());
      norm(in_place.data(), weight, bias, eps, n, in_place.data());
      EXPECT_TRUE(same_bits(y, in_place)) << "in place, n " << n;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double w = weighted ? row.weight[i] : 1, b = biased ? row.bias[i] : 0;
        expect_near(y[i], (row.x[i] - shift) * factor * w + b, size * std::fabs(w) + std::fabs(b), 8,
                    static_cast<std::int64_t>(i));
      }
    }
}

TEST_P(Elementwise, RmsNorm) {
  for (const std::int64_t n : lengths)
    for (const float sigma : {1e-6f, 1.0f, 1e4f, 1e15f})
      check_norm(table().rms_norm, false, n, 0, sigma, 1e-5f);
}

TEST_P(Elementwise, LayerNorm) {
  for (const std::int64_t n : lengths)
    for (const float sigma : {1e-6f, 1.0f, 1e4f, 1e15f})
      check_norm(table().layer_norm, true, n, 0, sigma, 1e-5f);
}

TEST_P(Elementwise, LayerNormOfALargeMean) {
  for (const std::int64_t n : {2, 17, 255, 1000, 4096})
    for (const float mean : {100.0f, -1e4f, 1e6f}) check_norm(table().layer_norm, true, n, mean, 1, 1e-5f);
}

TEST_P(Elementwise, NormsOfZerosAreZeros) {
  std::vector<float> x(17), y(17, 1);
  table().rms_norm(x.data(), nullptr, nullptr, 1e-6f, 17, y.data());
  EXPECT_TRUE(same_bits(y, x));
  table().layer_norm(x.data(), nullptr, nullptr, 1e-6f, 17, y.data());
  EXPECT_TRUE(same_bits(y, x));
}

void check_rope(Rope rope, std::int64_t pairs, const std::function<std::size_t(std::int64_t, int)>& place) {
  const auto before = gaussian(2 * pairs + 3, 1), angles = gaussian(pairs, 2, 3);
  std::vector<float> head = before, cosine, sine;
  for (float a : angles) cosine.push_back(std::cos(a)), sine.push_back(std::sin(a));
  rope(head.data(), cosine.data(), sine.data(), pairs);
  for (std::int64_t i = 0; i < pairs; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const double a = before[place(i, 0)], b = before[place(i, 1)], size = std::fabs(a) + std::fabs(b);
    expect_near(head[place(i, 0)], a * cosine[k] - b * sine[k], size, 1, i);
    expect_near(head[place(i, 1)], a * sine[k] + b * cosine[k], size, 1, i);
  }
  for (std::size_t i = head.size() - 3; i < head.size(); ++i)
    EXPECT_EQ(head[i], before[i]) << "passes through";
}

TEST_P(Elementwise, Rope) {
  for (const std::int64_t pairs : {1, 2, 3, 6, 8, 10, 16, 17, 40, 48, 64, 128}) {
    check_rope(table().rope_halves, pairs,
               [&](std::int64_t i, int half) { return static_cast<std::size_t>(i + half * pairs); });
    check_rope(table().rope_interleaved, pairs,
               [](std::int64_t i, int half) { return static_cast<std::size_t>(2 * i + half); });
  }
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

void check_gate(Gate gate, double (*activation)(double)) {
  const std::vector<float> x = extreme_values();
  const auto n = static_cast<std::int64_t>(x.size());
  const std::vector<float> up = gaussian(n, 5, 0.1f);
  std::vector<float> y(x.size(), NAN), over_gate = x, over_up = up;
  gate(x.data(), up.data(), n, y.data());
  gate(over_gate.data(), up.data(), n, over_gate.data());
  gate(x.data(), over_up.data(), n, over_up.data());
  EXPECT_TRUE(same_bits(y, over_gate));
  EXPECT_TRUE(same_bits(y, over_up));
  for (std::size_t i = 0; i < y.size(); ++i) {
    // Far below zero both activations are the difference of nearly equal numbers of the size of x.
    const double size = std::fabs(x[i]) < 12 ? std::fabs(x[i]) : std::fabs(activation(x[i]));
    expect_near(y[i], activation(x[i]) * up[i], size * std::fabs(up[i]), 6, static_cast<std::int64_t>(i));
  }
}

TEST_P(Elementwise, SiluGate) { check_gate(table().silu_gate, silu); }

TEST_P(Elementwise, GeluGate) { check_gate(table().gelu_gate, gelu); }

TEST_P(Elementwise, Gelu) {
  const std::vector<float> x = extreme_values();
  std::vector<float> y = x;
  table().gelu(y.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double size = std::fabs(x[i]) < 12 ? std::fabs(x[i]) : std::fabs(gelu(x[i]));
    expect_near(y[i], gelu(x[i]), size, 6, static_cast<std::int64_t>(i));
  }
}

TEST_P(Elementwise, SoftCap) {
  for (const float cap : {0.5f, 30.0f, 1e6f}) {
    const std::vector<float> x = extreme_values();
    std::vector<float> y = x;
    table().soft_cap(y.data(), cap, static_cast<std::int64_t>(y.size()));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double expected = cap * std::tanh(static_cast<double>(x[i]) / cap);
      expect_near(y[i], expected, std::fabs(expected), 6, static_cast<std::int64_t>(i));
    }
  }
}

TEST_P(Elementwise, AddScaled) {
  for (const std::int64_t n : lengths) {
    const auto x = gaussian(n, 1), before = gaussian(n, 2);
    auto y = before;
    table().add_scaled(x.data(), 0.37f, n, y.data());
    for (std::size_t i = 0; i < y.size(); ++i)
      expect_near(y[i], before[i] + 0.37f * static_cast<double>(x[i]), std::fabs(x[i]) + std::fabs(before[i]),
                  1, static_cast<std::int64_t>(i));
  }
}

// No kernel touches what lies behind its arrays.
TEST_P(Elementwise, StaysWithinItsLength) {
  for (const std::int64_t n : lengths) {
    const auto size = static_cast<std::size_t>(n);
    const auto x = gaussian(n, 1);
    const auto check = [&](const char* name, auto&& kernel) {
      std::vector<float> y(size + 20, 9);
      std::copy(x.begin(), x.end(), y.begin());
      kernel(y.data());
      for (std::size_t i = size; i < y.size(); ++i) EXPECT_EQ(y[i], 9) << name << ", n " << n;
    };
    check("rms_norm", [&](float* y) { table().rms_norm(x.data(), x.data(), nullptr, 1e-5f, n, y); });
    check("layer_norm", [&](float* y) { table().layer_norm(x.data(), x.data(), x.data(), 1e-5f, n, y); });
    check("silu_gate", [&](float* y) { table().silu_gate(x.data(), x.data(), n, y); });
    check("gelu_gate", [&](float* y) { table().gelu_gate(x.data(), x.data(), n, y); });
    check("gelu", [&](float* y) { table().gelu(y, n); });
    check("add_scaled", [&](float* y) { table().add_scaled(x.data(), 2, n, y); });
    check("soft_cap", [&](float* y) { table().soft_cap(y, 3, n); });
  }
}

}  // namespace
}  // namespace linnet::kernels::elementwise_test
