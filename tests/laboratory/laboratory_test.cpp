// laboratory_test.cpp - the laboratory finds what is wrong with a kernel and nothing with a right one, and
// its figures add up.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/machine.hpp>
#include <linnet/laboratory/own_kernel.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::laboratory::laboratory_test {
namespace {

struct Right : quant::Q8_0 {
  static constexpr std::string_view name = "right";
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float sum = 0, y[block_length];
    for (std::int64_t c = 0; c < cols; ++c) {
      if (c % block_length == 0) dequantize(row[c / block_length], y);
      sum += y[c % block_length] * x[c];
    }
    return sum;
  }
};

struct ForgetsLastColumn : Right {
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float y[block_length];
    dequantize(row[cols / block_length - 1], y);
    return Right::dot(row, x, cols) - y[block_length - 1] * x[cols - 1];
  }
};

struct LosesScale : Right {
  static void quantize(const float* x, Block& block) noexcept {
    Right::quantize(x, block);
    block.d = to_half(2 * to_float(block.d));
  }
};

class WritesAllRows : public detail::OwnMatrixKernel<Right> {
 public:
  void multiply(const ProductPart& part) const noexcept override {
    ProductPart all = part;
    all.row_begin = 0;
    all.row_end = part.y_stride;
    detail::OwnMatrixKernel<Right>::multiply(all);
  }
};

TEST(Check, FindsNothingWrongWithARightKernel) {
  EXPECT_EQ(check(own_kernel<Right>()), std::vector<std::string>());
}

TEST(Check, FindsAWrongSum) { EXPECT_FALSE(check(own_kernel<ForgetsLastColumn>()).empty()); }

TEST(Check, FindsWeightsThatDoNotComeBack) {
  const auto findings = check(own_kernel<LosesScale>());
  ASSERT_EQ(findings.size(), 1u);  // the product is that of the blocks all the same
  EXPECT_NE(findings[0].find("blocks"), std::string::npos) << findings[0];
}

TEST(Check, FindsRowsThatWereNotAskedFor) {
  const auto findings = check(std::make_shared<WritesAllRows>());
  ASSERT_FALSE(findings.empty());
  EXPECT_NE(findings[0].find("not asked for"), std::string::npos) << findings[0];
}

TEST(Check, FindsNothingWrongWithTheLibrary) {
  for (const auto& kernel : built_in_kernels()) {
    if (kernel->type != "Q4_0" && kernel->type != "Q6_K" && kernel->type != "F16") continue;
    const auto findings = check(kernel);
    EXPECT_TRUE(findings.empty()) << kernel->operation << " " << kernel->type << " " << kernel->isa << ": "
                                  << (findings.empty() ? "" : findings[0]);
  }
}

TEST(Spread, SortsAndTakesQuantiles) {
  const Spread spread({4, 1, 3, 2});
  EXPECT_EQ(spread.min(), 1);
  EXPECT_EQ(spread.max(), 4);
  EXPECT_EQ(spread.median(), 2.5);
  EXPECT_EQ(spread.quantile(0.99), 1 + 0.99 * 3);
  EXPECT_NEAR(spread.standard_deviation(), 1.2910, 1e-4);
  EXPECT_EQ(Spread({7}).median(), 7);
  EXPECT_EQ(Spread({7}).standard_deviation(), 0);
}

TEST(Machine, EveryInstructionSetHasAPeak) {
  ThreadTeam team(1);
  for (const kernels::Choice& choice : kernels::choices()) {
    if (!choice.available) continue;
    EXPECT_GT(choice.table->peak_operations(10), 0) << choice.table->isa;
    EXPECT_GT(measure_peak(team, *choice.table), 1e7) << choice.table->isa;
  }
  EXPECT_GT(measure_read_bandwidth(team, 8 << 20), 1e7);
  EXPECT_GT(streaming_bytes(), 0);
}

TEST(Bench, MeasuresEveryKindOfCaseOnceInEveryForm) {
  Bench bench(
      {.threads = 2, .effort = {.seconds = 0, .least = 1}, .streaming_bytes = 0, .measure_limits = false});
  std::vector<Figures> found;
  for (const Case& one : built_in_cases()) {
    const bool wanted = one.tokens == 1 || one.operation == "rms_norm" || one.operation.ends_with("_gate");
    if (!wanted || one.table != &kernels::active()) continue;
    found.push_back(bench.measure(one));
    const Figures& figures = found.back();
    EXPECT_LT(figures.error, 0.03) << one.name();
    EXPECT_GT(figures.bytes_per_second, 0) << one.name();
    EXPECT_FALSE(figures.from_memory && last_cache_bytes() > (64 << 20)) << one.name();
    const std::string row = text_row(figures);
    EXPECT_EQ(row.find('\n'), row.size() - 1) << row;
  }
  const auto json = nlohmann::json::parse(to_json(found));
  ASSERT_EQ(json.size(), found.size());
  EXPECT_GT(found.size(), 20u);
  for (const auto& row : json) {
    EXPECT_GT(row["seconds"], 0);
    EXPECT_LE(row["seconds_min"], row["seconds_max"]);
    EXPECT_TRUE(row["bandwidth_percent"].is_null());
  }
  std::istringstream lines(to_csv(found));
  std::string first, line;
  std::getline(lines, first);
  std::size_t count = 0;
  for (; std::getline(lines, line); ++count)
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), std::count(first.begin(), first.end(), ','));
  EXPECT_EQ(count, found.size());
}

TEST(Bench, ComparesWithTheLimitsOfTheMachine) {
  Bench bench({.threads = 1, .effort = {.seconds = 0.01}, .streaming_bytes = 1 << 20});
  const auto cases = built_in_cases();
  const Figures figures = bench.measure(cases.front());
  EXPECT_GT(figures.read_bandwidth, 0);
  EXPECT_GT(figures.peak, 0);
  EXPECT_GT(figures.peak_share(), 0);
  EXPECT_EQ(figures.bandwidth_share() > 0, figures.from_memory);
}

TEST(Product, RefusesPartsOfBlocks) {
  Workspace workspace;
  for (const auto& kernel : built_in_kernels())
    if (kernel->type == "Q4_K") {
      EXPECT_THROW(product_case(kernel, {4, 100}, 1).make(workspace), Error);
    }
}

}  // namespace
}  // namespace linnet::laboratory::laboratory_test
