// tests/kernels/tables.hpp - what the kernel tests share: every table of the build as a test parameter,
// random values, comparison of bits. Never a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::kernels {

inline constexpr double unit = 0x1p-24;  // the largest relative error of one rounding to float

inline std::vector<const Choice*> all_choices() {
  std::vector<const Choice*> out;
  for (const Choice& choice : choices()) out.push_back(&choice);
  return out;
}

inline std::vector<DType> all_formats() {
  std::vector<DType> out;
  quant::for_each_format([&]<class F>() { out.push_back(F::dtype); });
  return out;
}

/// Floats of a normal distribution.
inline std::vector<float> gaussian(std::int64_t count, unsigned seed, float sigma = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, sigma);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& x : out) x = normal(random);
  return out;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// A test of one table of the build; skipped where this machine cannot run it.
template <class Param>
class TableTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    if (!choice()->available) GTEST_SKIP() << "this machine cannot run " << table().isa;
  }
  const Table& table() const { return *choice()->table; }
  virtual const Choice* choice() const = 0;
};

class OnEachTable : public TableTest<const Choice*> {
 protected:
  const Choice* choice() const override { return GetParam(); }
};

/// A test for each table and tensor type.
class OnEachType : public TableTest<std::tuple<const Choice*, DType>> {
 protected:
  const Choice* choice() const override { return std::get<0>(GetParam()); }
  DType type() const { return std::get<1>(GetParam()); }
};

/// "avx2", "avx2_Q4_K"
struct ParamName {
  std::string operator()(const testing::TestParamInfo<const Choice*>& info) const {
    return std::string(info.param->table->isa);
  }
  std::string operator()(const testing::TestParamInfo<std::tuple<const Choice*, DType>>& info) const {
    return concat(std::get<0>(info.param)->table->isa, "_", to_string(std::get<1>(info.param)));
  }
};

}  // namespace linnet::kernels
