// sampler_test.cpp - the chain: its order, its errors, its seeds, its statistics and its speed.
#include <chrono>
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/sampling/sampler.hpp>

namespace linnet::sampler_test {
namespace {

using Names = std::vector<std::string_view>;
using Tokens = std::vector<Token>;

std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::vector<float> many_logits(std::size_t count) {
  sampling::Random random(5, 5);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = static_cast<float>(8 * random.uniform() + 8 * random.uniform() - 8);
  return logits;
}

/// The text of the error, or "" where there is none.
template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "";
}

std::string error_of(const SamplingOptions& options) {
  return error_of([&] { Sampler(options, 100, [](Token) { return std::string(); }); });
}

TEST(Sampler, DefaultChain) {
  EXPECT_EQ(Sampler({}, 10).steps(), (Names{"top_k", "top_p", "min_p", "temperature", "draw"}));
}

TEST(Sampler, EverythingOnInTheDefaultOrder) {
  const SamplingOptions options = {.typical_p = 0.9f,
                                   .top_n_sigma = 1,
                                   .xtc_probability = 0.1f,
                                   .penalty_repeat = 1.1f,
                                   .dry_multiplier = 1,
                                   .dry_breakers = {},
                                   .logit_bias = {{1, 1.0f}}};
  EXPECT_EQ(Sampler(options, 10).steps(), (Names{"logit_bias", "penalties", "dry", "top_n_sigma", "top_k",
                                                 "typical", "top_p", "min_p", "xtc", "temperature", "draw"}));
}

TEST(Sampler, OrderFromText) {
  SamplingOptions options = {.logit_bias = {{1, 1.0f}}, .order = " temp ;top-k;; top_p;logit_bias"};
  EXPECT_EQ(Sampler(options, 10).steps(), (Names{"temperature", "top_k", "top_p", "logit_bias", "draw"}));
  options.order = "";
  EXPECT_EQ(Sampler(options, 10).steps(), (Names{"logit_bias", "draw"}));
}

TEST(Sampler, OrderMatters) {
  // At temperature 4 the best of these has less than half of the probability, at temperature 1 more.
  const auto logits = logits_of({0.6, 0.2, 0.2});
  SamplingOptions options = {.temperature = 4, .top_p = 0.5f, .order = "top_p;temperature", .seed = 1};
  Sampler cut_first(options, 3);
  cut_first.sample(logits);
  EXPECT_EQ(cut_first.candidates().size(), 1u);
  options.order = "temperature;top_p";
  Sampler cut_last(options, 3);
  cut_last.sample(logits);
  EXPECT_EQ(cut_last.candidates().size(), 2u);
}

TEST(Sampler, GreedyLeavesTheRestOut) {
  const SamplingOptions options = {.temperature = 0,
                                   .xtc_probability = 1,
                                   .penalty_presence = 5,
                                   .mirostat = 2,
                                   .logit_bias = {{2, -INFINITY}}};
  Sampler sampler(options, 4);
  EXPECT_EQ(sampler.steps(), (Names{"logit_bias", "penalties", "greedy"}));
  const std::vector<float> logits = {1, 4, 9, 2};
  EXPECT_EQ(sampler.sample(logits), 1);
  EXPECT_EQ(sampler.sample(logits), 1);  // sample() alone does not change the history
  sampler.accept(1);
  EXPECT_EQ(sampler.sample(logits), 3);
  sampler.reset();
  EXPECT_EQ(sampler.sample(logits), 1);
  EXPECT_EQ(Sampler({.temperature = -1}, 4).sample(logits), 2);
}

TEST(Sampler, MirostatReplacesWhatRemoves) {
  Sampler sampler({.penalty_repeat = 1.1f, .mirostat = 2}, 4);
  EXPECT_EQ(sampler.steps(), (Names{"penalties", "temperature", "mirostat"}));
}

TEST(Sampler, MirostatHoldsTheSurprise) {
  // 1000 tokens that fall off slowly: freely drawn they would give 7.9 bits each.
  std::vector<float> logits;
  for (int i = 0; i < 1000; ++i) logits.push_back(-static_cast<float>(std::log(i + 1.0)));
  Sampler sampler({.temperature = 1, .mirostat = 2, .mirostat_tau = 3, .seed = 1}, 1000);
  double bits = 0;
  constexpr int draws = 5000;
  for (int i = 0; i < draws; ++i) {
    const Token token = sampler.sample(logits);
    double total = 0;
    for (const auto& candidate : sampler.candidates()) total += std::exp(candidate.logit);
    bits -= std::log2(std::exp(logits[static_cast<std::size_t>(token)]) / total);
  }
  EXPECT_NEAR(bits / draws, 3, 0.05);
}

TEST(Sampler, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(error_of({.top_k = -1}), "top_k: expected 0 to 2147483647, got -1");
  EXPECT_EQ(error_of({.top_p = 1.5f}), "top_p: expected 0 to 1, got 1.5");
  EXPECT_EQ(error_of({.top_p = NAN}), "top_p: expected 0 to 1, got nan");
  EXPECT_EQ(error_of({.mirostat = 1}), "mirostat: expected 0 (off) or 2, got 1");
  EXPECT_EQ(error_of({.logit_bias = {{100, 0.0f}}}), "logit_bias: token: expected 0 to 99, got 100");
  EXPECT_EQ(error_of({.order = "top_k;beam"}),
            "order: expected samplers out of logit_bias, penalties, dry, top_n_sigma, top_k, typical, top_p, "
            "min_p, "
            "xtc, temperature, separated by ';', got \"beam\"");
  for (const SamplingOptions& options : std::initializer_list<SamplingOptions>{
           {.temperature = NAN},           {.temperature = INFINITY},  {.dynatemp_range = -1},
           {.dynatemp_exponent = NAN},     {.min_p = -0.1f},           {.typical_p = 2},
           {.top_n_sigma = NAN},           {.xtc_probability = -1},    {.xtc_threshold = NAN},
           {.penalty_last_n = -2},         {.penalty_repeat = 0},      {.penalty_frequency = NAN},
           {.penalty_presence = INFINITY}, {.dry_multiplier = -1},     {.dry_base = 0.5f},
           {.dry_allowed_length = 0},      {.dry_allowed_length = -5}, {.dry_last_n = -2},
           {.dry_breakers = {""}},         {.mirostat_tau = NAN},      {.mirostat_eta = -1},
           {.logit_bias = {{-1, 0.0f}}},   {.logit_bias = {{1, NAN}}}, {.logit_bias = {{1, INFINITY}}}})
    EXPECT_NE(error_of(options), "");
  EXPECT_NE(error_of([] { Sampler({}, 0); }), "");
  EXPECT_NE(error_of([] { Sampler({.dry_multiplier = 1}, 10); }), "");  // breakers, and no texts
  EXPECT_NE(error_of([] { Sampler({.order = std::string(1000, ';') + "x"}, 10); }), "");
  std::string long_order;
  for (int i = 0; i < 65; ++i) long_order += "top_k;";
  EXPECT_NE(error_of({.order = long_order}), "");
}

TEST(Sampler, RefusesWrongCalls) {
  Sampler sampler({.penalty_repeat = 2}, 3);
  EXPECT_EQ(error_of([&] { sampler.accept(3); }), "token: expected 0 to 2, got 3");
  EXPECT_NE(error_of([&] { sampler.accept(-1); }), "");
  EXPECT_EQ(error_of([&] { sampler.sample(std::vector<float>(4)); }),
            "logits: expected 3 (the vocabulary), got 4");
}

TEST(Sampler, LogitsThatAreNoNumbers) {
  for (const float temperature : {0.0f, 0.8f}) {
    Sampler sampler({.temperature = temperature, .seed = 1}, 3);
    EXPECT_EQ(sampler.sample(std::vector<float>{NAN, 1, -INFINITY}), 1);
    EXPECT_EQ(sampler.sample(std::vector<float>{0, 1, INFINITY}), 2);
    EXPECT_NE(error_of([&] { sampler.sample(std::vector<float>{NAN, NAN, NAN}); }), "");
    EXPECT_NE(error_of([&] { sampler.sample(std::vector<float>{-INFINITY, NAN, -INFINITY}); }), "");
    EXPECT_EQ(sampler.sample(std::vector<float>{5, -1000, -1000}), 0);  // usable after an error
  }
  const SamplingOptions bans_all = {.logit_bias = {{0, -INFINITY}, {1, -INFINITY}}};
  EXPECT_NE(error_of([&] { Sampler(bans_all, 2).sample(std::vector<float>{1, 1}); }), "");
}

TEST(Sampler, ExtremeLogitsWithEverySampler) {
  const float largest = std::numeric_limits<float>::max(),
              smallest = std::numeric_limits<float>::denorm_min();
  const std::vector<std::vector<float>> rows = {{largest, -largest, 0, 1},
                                                {-largest, -largest, -largest, -largest},
                                                {largest, largest, largest, largest},
                                                {smallest, -smallest, 0, 0},
                                                {-INFINITY, NAN, -largest, -INFINITY},
                                                {INFINITY, INFINITY, 0, -INFINITY},
                                                {0, 0, 0, 0},
                                                {1e-38f, 1e38f, -1e38f, 3}};
  for (const float temperature : {0.0f, 1e-30f, 1e-3f, 1.0f, 1e6f})
    for (const int mirostat : {0, 2}) {
      const SamplingOptions options = {.temperature = temperature,
                                       .dynatemp_range = 0.5f,
                                       .top_p = 0.3f,
                                       .min_p = 0.9f,
                                       .typical_p = 0.2f,
                                       .top_n_sigma = 0.5f,
                                       .xtc_probability = 1,
                                       .xtc_threshold = 0,
                                       .penalty_repeat = 100,
                                       .penalty_frequency = 100,
                                       .penalty_presence = -100,
                                       .dry_multiplier = 1e6f,
                                       .dry_base = 100,
                                       .dry_breakers = {},
                                       .mirostat = mirostat,
                                       .logit_bias = {{0, 1e38f}, {1, -1e38f}},
                                       .seed = 3};
      Sampler sampler(options, 4);
      for (int i = 0; i < 40; ++i) {
        const Token token = sampler.sample(rows[static_cast<std::size_t>(i) % rows.size()]);
        ASSERT_TRUE(token >= 0 && token < 4);
        sampler.accept(token);
      }
    }
}

TEST(Sampler, SeedsAreGolden) {
  // Written down once: the same on every platform and in every release.
  const std::vector<float> logits = many_logits(1000);
  Sampler sampler({.temperature = 2, .top_k = 0, .top_p = 0.9f, .min_p = 0, .seed = 42}, 1000);
  Tokens drawn;
  for (int i = 0; i < 12; ++i) drawn.push_back(sampler.sample(logits));
  EXPECT_EQ(drawn, (Tokens{63, 161, 259, 655, 352, 377, 527, 678, 595, 367, 5, 63}));
  sampler.reset();
  EXPECT_EQ(sampler.sample(logits), drawn[0]);
  Sampler copy = sampler;  // goes on from the same state
  EXPECT_EQ(copy.sample(logits), drawn[1]);
  EXPECT_EQ(sampler.sample(logits), drawn[1]);
}

TEST(Sampler, SeedsOfTheWholeChainAreGolden) {
  const std::vector<float> logits = many_logits(1000);
  SamplingOptions options = {.temperature = 1.5f,
                             .dynatemp_range = 0.3f,
                             .top_k = 200,
                             .top_p = 0.99f,
                             .typical_p = 0.97f,
                             .top_n_sigma = 3,
                             .xtc_probability = 0.5f,
                             .xtc_threshold = 0.01f,
                             .penalty_repeat = 1.3f,
                             .dry_multiplier = 1,
                             .dry_breakers = {},
                             .seed = 7};
  const auto draw = [&] {
    Sampler sampler(options, 1000);
    Tokens drawn;
    for (int i = 0; i < 12; ++i) {
      drawn.push_back(sampler.sample(logits));
      sampler.accept(drawn.back());
    }
    return drawn;
  };
  EXPECT_EQ(draw(), (Tokens{977, 472, 452, 393, 259, 332, 199, 977, 619, 393, 773, 726}));
  options.mirostat = 2;
  EXPECT_EQ(draw(), (Tokens{527, 448, 403, 377, 956, 219, 123, 913, 472, 873, 323, 913}));
}

TEST(Sampler, WithoutASeedEachIsNew) {
  EXPECT_NE(Sampler({}, 10).seed(), Sampler({}, 10).seed());
  EXPECT_EQ(Sampler({.seed = 9}, 10).seed(), 9u);
}

TEST(Sampler, DrawsFollowTheDistribution) {
  const std::vector<double> probabilities = {0.02, 0.3, 0.08, 0.25, 0.05, 0.1, 0.15, 0.05};
  const auto logits = logits_of(probabilities);
  constexpr int draws = 100'000;
  for (const char* order : {"", "top_k"}) {  // in the order of ids, and best first
    Sampler sampler({.temperature = 1, .top_k = 8, .order = order, .seed = 1}, 8);
    std::vector<int> counts(8);
    for (int i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(sampler.sample(logits))];
    double chi_square = 0;
    for (std::size_t i = 0; i < 8; ++i)
      chi_square += std::pow(counts[i] - draws * probabilities[i], 2) / (draws * probabilities[i]);
    EXPECT_LT(chi_square, 24.3);  // 7 degrees of freedom: exceeded once in a thousand seeds
  }
}

TEST(Sampler, DrawsFollowTheTruncatedDistribution) {
  // Temperature 0.5 squares, top-k 3 keeps 0.4 0.3 0.2: 16 9 4 of 29.
  const auto logits = logits_of({0.1, 0.4, 0.2, 0.3});
  Sampler sampler({.temperature = 0.5f, .top_k = 3, .top_p = 1, .min_p = 0, .seed = 1}, 4);
  constexpr int draws = 100'000;
  std::vector<int> counts(4);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(sampler.sample(logits))];
  EXPECT_EQ(counts[0], 0);
  double chi_square = 0;
  const double expected[] = {0, 16 / 29., 4 / 29., 9 / 29.};
  for (std::size_t i = 1; i < 4; ++i)
    chi_square += std::pow(counts[i] - draws * expected[i], 2) / (draws * expected[i]);
  EXPECT_LT(chi_square, 13.8);  // 2 degrees of freedom: exceeded once in a thousand seeds
}

TEST(Sampler, PrintsItsTimeOnALargeVocabulary) {
  constexpr std::size_t vocabulary = 256 * 1024;
  const std::vector<float> logits = many_logits(vocabulary);
  const auto print = [&](const char* what, SamplingOptions options) {
    options.seed = 1;
    Sampler sampler(options, vocabulary);
    for (int i = 0; i < 64; ++i) sampler.accept(i);
    sampler.sample(logits);
    constexpr int rounds = 20;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) sampler.sample(logits);
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
    std::cout << "  " << what << ": " << std::lround(time.count() / rounds) << " us per token\n";
  };
  print("greedy", {.temperature = 0});
  print("greedy with penalties", {.temperature = 0, .penalty_repeat = 1.1f});
  print("default chain", {});
  print("top-k 1000", {.top_k = 1000});
  print("temperature alone", {.order = "temperature"});
  print("min-p alone", {.order = "min_p;temperature"});
  print("top-p without top-k", {.top_k = 0});
  print("top-n-sigma alone", {.top_n_sigma = 1, .order = "top_n_sigma;temperature"});
  print("typical without top-k", {.typical_p = 0.5f, .order = "typical;temperature"});
  print("mirostat", {.mirostat = 2});
}

}  // namespace
}  // namespace linnet::sampler_test
