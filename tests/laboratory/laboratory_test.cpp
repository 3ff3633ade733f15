// laboratory_test.cpp - the laboratory finds what is wrong with a kernel and nothing with a right one, and
// its figures add up.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <sstream>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/disturbance.hpp>
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

struct PromisesTooMuch : Right {
  static constexpr double block_error = 0.001;
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

class LeavesTokensOut : public detail::OwnMatrixKernel<Right> {
 public:
  void multiply(const ProductPart& part) const noexcept override {
    for (std::int64_t t = 0; t < part.tokens; ++t) {
      if (t % 8 == 1 || t % 8 == 5 || t % 8 == 7) continue;
      ProductPart one = part;
      one.x += t * part.cols * static_cast<std::int64_t>(sizeof(float));
      one.y += t * part.y_stride;
      one.tokens = 1;
      detail::OwnMatrixKernel<Right>::multiply(one);
    }
  }
};

/// Activations in bytes, and sums of four products in 16 bits: enough for normally distributed values.
struct Saturates : Right {
  static constexpr double tolerance = 0.03;
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float sum = 0;
    for (const Block* block = row; block != row + cols / block_length; ++block, x += block_length) {
      const float d = quant::largest_magnitude(x, block_length) / 127, inverse = d > 0 ? 1 / d : 0;
      int block_sum = 0;
      for (int i = 0; i < block_length; i += 4) {
        int four = 0;
        for (int k = i; k < i + 4; ++k) four += block->qs[k] * static_cast<int>(std::lround(x[k] * inverse));
        block_sum += std::clamp(four, -32768, 32767);
      }
      sum += to_float(block->d) * d * static_cast<float>(block_sum);
    }
    return sum;
  }
};

/// The same with room for the sums, but a scale that is infinite for zeros.
struct DividesByZero : Right {
  static constexpr double tolerance = 0.03;
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float sum = 0;
    for (const Block* block = row; block != row + cols / block_length; ++block, x += block_length) {
      const float inverse = 127 / quant::largest_magnitude(x, block_length);
      float block_sum = 0;
      for (int i = 0; i < block_length; ++i)
        block_sum += static_cast<float>(block->qs[i]) * std::nearbyint(x[i] * inverse);
      sum += to_float(block->d) * block_sum / inverse;
    }
    return sum;
  }
};

/// Each weight divided by its block's scale, and multiplied by it again.
struct DividesByScale : Right {
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    const float scale = to_float(row->d);
    Block first = *row;
    float y[block_length],
        sum = cols > block_length ? Right::dot(row + 1, x + block_length, cols - block_length) : 0;
    dequantize(first, y);
    for (int i = 0; i < block_length; ++i) sum += y[i] / scale * x[i] * scale;
    return sum;
  }
};

/// The sum is everybody's. Atomic, so that threads only find the wrong value.
struct SharesItsSum : Right {
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    static std::atomic<float> sum;
    sum = Right::dot(row, x, cols);
    std::this_thread::yield();
    return sum;
  }
};

struct ReadsABlockTooFar : Right {
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    return Right::dot(row, x, cols) + 0 * to_float(row[cols / block_length].d);
  }
};

struct ReadsAColumnTooFar : Right {
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    return Right::dot(row, x, cols) + 0 * x[cols];
  }
};

class WritesPastTheEnd : public detail::OwnMatrixKernel<Right> {
 public:
  void multiply(const ProductPart& part) const noexcept override {
    detail::OwnMatrixKernel<Right>::multiply(part);
    part.y[part.tokens * part.y_stride] = 0;
  }
};

/// Wrong where check() does not look.
class FailsWithManyTokens : public detail::OwnMatrixKernel<Right> {
 public:
  void multiply(const ProductPart& part) const noexcept override {
    detail::OwnMatrixKernel<Right>::multiply(part);
    if (part.tokens == 64) std::fill_n(part.y + part.row_begin, part.row_end - part.row_begin, 1.0f);
  }
};

bool some_say(const std::vector<std::string>& findings, std::string_view words) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const std::string& finding) { return finding.find(words) != std::string::npos; });
}

TEST(Check, FindsNothingWrongWithARightKernel) {
  EXPECT_EQ(check(own_kernel<Right>()), std::vector<std::string>());
}

TEST(Check, FindsAWrongSum) { EXPECT_FALSE(check(own_kernel<ForgetsLastColumn>()).empty()); }

TEST(Check, FindsWeightsThatDoNotComeBack) {
  const auto findings = check(own_kernel<LosesScale>());
  ASSERT_EQ(findings.size(), 1u);  // the product is that of the blocks all the same
  EXPECT_NE(findings[0].find("blocks"), std::string::npos) << findings[0];
  EXPECT_TRUE(some_say(check(own_kernel<PromisesTooMuch>()), "expected at most 0.001"));
}

TEST(Check, FindsRowsThatWereNotAskedFor) {
  const auto findings = check(std::make_shared<WritesAllRows>());
  EXPECT_TRUE(some_say(findings, "row 0 of token 0 was written and not asked for"));
  EXPECT_TRUE(some_say(findings, "there is no such row"));  // between the rows and the next token's
}

TEST(Check, FindsTokensThatWereLeftOut) {
  EXPECT_TRUE(some_say(check(std::make_shared<LeavesTokensOut>()), "row 0 of token 1 was not written"));
}

TEST(Check, FindsSumsThatSaturate) {
  const auto findings = check(own_kernel<Saturates>());
  ASSERT_FALSE(findings.empty());
  EXPECT_NE(findings[0].find("extreme values"), std::string::npos) << findings[0];
}

TEST(Check, FindsDivisionsByZero) {
  EXPECT_TRUE(some_say(check(own_kernel<DividesByZero>()), "row 0 of token 2 is "));   // the token of zeros
  EXPECT_TRUE(some_say(check(own_kernel<DividesByScale>()), "row 3 of token 0 is "));  // a block of zeros
}

TEST(Check, FindsMemoryThatThreadsShare) {
  const auto findings = check(own_kernel<SharesItsSum>());
  ASSERT_FALSE(findings.empty());
  EXPECT_NE(findings[0].find("threads"), std::string::npos) << findings[0];
}

TEST(Check, FindsWhatIsReadTooFar) {
  EXPECT_TRUE(some_say(check(own_kernel<ReadsABlockTooFar>()), "nan"));
  EXPECT_TRUE(some_say(check(own_kernel<ReadsAColumnTooFar>()), "nan"));
}

TEST(Check, FindsWhatIsWrittenTooFarAndEnds) {
  const auto findings = check(std::make_shared<WritesPastTheEnd>());
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].find("outside of y"), std::string::npos) << findings[0];
}

TEST(Check, FindsNothingWrongWithTheLibrary) {
  for (const auto& kernel : built_in_kernels()) {
    if (kernel->type != "Q4_0" && kernel->type != "Q6_K" && kernel->type != "F16") continue;
    const auto findings = check(kernel);
    EXPECT_TRUE(findings.empty()) << kernel->operation << " " << kernel->type << " " << kernel->isa << ": "
                                  << (findings.empty() ? "" : findings[0]);
  }
}

struct Outcome {
  int code;
  std::string output, errors;
};

Outcome run_program(std::shared_ptr<const MatrixKernel> kernel, std::vector<std::string> words) {
  words.insert(words.begin(), "program");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_laboratory({std::move(kernel)}, static_cast<int>(argv.size()), argv.data());
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(OwnKernel, IsTestedAndMeasuredBesideOthers) {
  const Outcome outcome = run_program(own_kernel<Right>(), {"--short", "--csv", "--threads", "2"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(
      outcome.errors.starts_with("matmul Q8_0 right: right; weights come back with an error of 0.5 %\n"));
  EXPECT_NE(outcome.output.find("matmul,Q8_0,right,64x1024,64"), std::string::npos) << outcome.output;
}

TEST(OwnKernel, IsNotMeasuredWhereItIsWrong) {
  const Outcome outcome = run_program(own_kernel<ForgetsLastColumn>(), {"--short", "--csv"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.output, "");
  EXPECT_NE(outcome.errors.find("matmul Q8_0 right: WRONG"), std::string::npos) << outcome.errors;
  EXPECT_TRUE(outcome.errors.ends_with("so it is not measured\n")) << outcome.errors;
}

TEST(OwnKernel, FailsWhereAMeasuredErrorIsTooLarge) {
  const Outcome outcome = run_program(std::make_shared<FailsWithManyTokens>(), {"--short"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.errors.find("matmul Q8_0 right: WRONG with 64 tokens, "), std::string::npos)
      << outcome.errors;
}

TEST(OwnKernel, RefusesOptionsInOneLine) {
  const auto message = [](std::vector<std::string> words) {
    const Outcome outcome = run_program(own_kernel<Right>(), std::move(words));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.output, "");
    return outcome.errors;
  };
  EXPECT_EQ(message({"--json", "--csv"}), "expected --json or --csv, got both\n");
  EXPECT_EQ(message({"--threads"}), "--threads: expected a number from 0 to 1024\n");
  for (const char* word : {"", "x", "2x", "-1", " 2", "1025", "99999999999"})
    EXPECT_EQ(message({"--threads", word}),
              concat("--threads: expected a number from 0 to 1024, got \"", word, "\"\n"));
  EXPECT_EQ(message({"--fast"}), "unknown option \"--fast\"; see --help\n");
}

TEST(Disturbance, IsSaidWhereCoresWereTakenOften) {
  EXPECT_EQ(disturbance_note(0, 1), "");
  EXPECT_EQ(disturbance_note(100, 1), "");
  EXPECT_NE(disturbance_note(101, 1).find("101 times"), std::string::npos);
  EXPECT_EQ(disturbance_note(101, 2), "");
  EXPECT_EQ(disturbance_note(100, 0.001), "");
  EXPECT_EQ(Disturbance().note(), "");
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
