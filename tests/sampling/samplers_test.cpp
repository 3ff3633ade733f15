// samplers_test.cpp - each sampler by itself, against values worked out by hand and against a naive oracle.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/sampling/greedy.hpp>
#include <linnet/sampling/sampler.hpp>

namespace linnet::sampling::samplers_test {
namespace {

using Ids = std::vector<Token>;

Candidates make_candidates(const std::vector<float>& logits) {
  Candidates candidates;
  candidates.assign(logits);
  return candidates;
}

/// Logits whose softmax is these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

Ids ids_of(const Candidates& candidates) {
  Ids ids;
  for (const Candidate& candidate : candidates.items()) ids.push_back(candidate.id);
  return ids;
}

Ids sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::map<Token, float> logits_by_id(const Candidates& candidates) {
  std::map<Token, float> logits;
  for (const Candidate& candidate : candidates.items()) logits[candidate.id] = candidate.logit;
  return logits;
}

template <class S>
Ids kept_of(S sampler, const std::vector<float>& logits, bool presorted = false) {
  Candidates candidates = make_candidates(logits);
  if (presorted) candidates.sort();
  sampler.apply(candidates);
  return sorted(ids_of(candidates));
}

/// Random logits like a model's; `coarse` ones have many ties.
std::vector<float> random_logits(std::size_t count, std::uint64_t seed, bool coarse) {
  Random random(seed, 9);
  std::vector<float> logits(count);
  for (float& logit : logits) {
    const double normal =
        std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(6.283185307 * random.uniform());
    logit = static_cast<float>(coarse ? std::round(normal * 2) / 2 : normal * 3);
  }
  return logits;
}

// The oracle: everything sorted, in long double, with the system's functions.

struct Entry {
  Token id;
  long double logit, p;
};

std::vector<Entry> oracle_entries(const std::vector<float>& logits) {
  std::vector<Entry> entries;
  long double highest = -INFINITY, total = 0;
  for (const float logit : logits) highest = std::max<long double>(highest, logit);
  for (const float logit : logits) total += std::exp(logit - highest);
  for (std::size_t i = 0; i < logits.size(); ++i)
    entries.push_back({static_cast<Token>(i), logits[i], std::exp(logits[i] - highest) / total});
  std::stable_sort(entries.begin(), entries.end(), [](auto& a, auto& b) { return a.logit > b.logit; });
  return entries;
}

Ids take_until(const std::vector<Entry>& entries, long double wanted) {
  Ids ids;
  long double sum = 0;
  for (const Entry& entry : entries) {
    ids.push_back(entry.id);
    if ((sum += entry.p) >= wanted) break;
  }
  return sorted(ids);
}

Ids take_if(const std::vector<Entry>& entries, const std::function<bool(const Entry&)>& keep) {
  Ids ids;
  for (const Entry& entry : entries)
    if (keep(entry)) ids.push_back(entry.id);
  return sorted(ids);
}

/// Runs body(logits) over sizes and kinds of logits.
template <class Body>
void for_many_logits(Body body) {
  for (const std::size_t count : {1u, 2u, 3u, 50u, 127u, 128u, 129u, 1000u, 20'000u})
    for (const bool coarse : {false, true}) {
      SCOPED_TRACE(concat(count, coarse ? " coarse" : " fine"));
      body(random_logits(count, count + (coarse ? 1 : 0), coarse));
    }
}

TEST(Greedy, TakesTheHighestAndOfEqualsTheLowest) {
  EXPECT_EQ(greedy(std::vector<float>{1, 3, 2, 3}), 1);
  EXPECT_EQ(greedy(std::vector<float>{-5}), 0);
  EXPECT_EQ(greedy(std::vector<float>{NAN, -2, NAN, INFINITY, NAN}), 3);
  EXPECT_EQ(greedy(std::vector<float>{NAN, -INFINITY}), std::nullopt);
  EXPECT_EQ(greedy({}), std::nullopt);
}

TEST(TopK, KeepsTheKBest) {
  const std::vector<float> logits = {0, 5, 1, 5, 4};
  EXPECT_EQ(kept_of(TopK({.top_k = 1}), logits), (Ids{1}));
  EXPECT_EQ(kept_of(TopK({.top_k = 3}), logits), (Ids{1, 3, 4}));
  EXPECT_EQ(kept_of(TopK({.top_k = 9}), logits).size(), 5u);
  EXPECT_FALSE(TopK({.top_k = 0}).active());
}

TEST(TopK, EqualsTheOracle) {
  for_many_logits([](const std::vector<float>& logits) {
    const auto entries = oracle_entries(logits);
    for (const int k : {1, 2, 40, 63, 64, 500, 9'999, 10'000, 19'999}) {
      Candidates candidates = make_candidates(logits);
      TopK({.top_k = k}).apply(candidates);
      Ids expected;
      for (const Entry& entry : entries)
        if (expected.size() < static_cast<std::size_t>(k)) expected.push_back(entry.id);
      EXPECT_EQ(ids_of(candidates), expected) << k;
    }
  });
}

TEST(TopP, KeepsTheFewestThatReachP) {
  const auto logits = logits_of({0.1, 0.4, 0.2, 0.3});
  EXPECT_EQ(kept_of(TopP({.top_p = 0.0f}), logits), (Ids{1}));
  EXPECT_EQ(kept_of(TopP({.top_p = 0.39f}), logits), (Ids{1}));
  EXPECT_EQ(kept_of(TopP({.top_p = 0.41f}), logits), (Ids{1, 3}));
  EXPECT_EQ(kept_of(TopP({.top_p = 0.71f}), logits), (Ids{1, 2, 3}));
  EXPECT_EQ(kept_of(TopP({.top_p = 0.91f}), logits), (Ids{0, 1, 2, 3}));
}

TEST(TopP, EqualsTheOracle) {
  for_many_logits([](const std::vector<float>& logits) {
    for (const float p : {0.01f, 0.5f, 0.9f, 0.95f, 0.999f})
      for (const bool presorted : {false, true})
        EXPECT_EQ(kept_of(TopP({.top_p = p}), logits, presorted), take_until(oracle_entries(logits), p)) << p;
  });
}

TEST(MinP, KeepsAShareOfTheBest) {
  const auto logits = logits_of({0.5, 0.26, 0.24, 0.0});
  EXPECT_EQ(kept_of(MinP({.min_p = 0.5f}), logits), (Ids{0, 1}));
  EXPECT_EQ(kept_of(MinP({.min_p = 0.47f}), logits), (Ids{0, 1, 2}));
  EXPECT_EQ(kept_of(MinP({.min_p = 1.0f}), logits), (Ids{0}));
}

TEST(MinP, EqualsTheOracle) {
  for_many_logits([](const std::vector<float>& logits) {
    const auto entries = oracle_entries(logits);
    for (const float p : {0.003f, 0.05f, 0.7f})
      EXPECT_EQ(kept_of(MinP({.min_p = p}), logits),
                take_if(entries, [&](const Entry& entry) { return entry.p >= p * entries[0].p; }));
  });
}

TEST(TopNSigma, KeepsWhatIsNearTheBest) {
  // Mean 2, standard deviation 2.
  const std::vector<float> logits = {0, 0, 4, 4};
  EXPECT_EQ(kept_of(TopNSigma({.top_n_sigma = 1.9f}), logits), (Ids{2, 3}));
  EXPECT_EQ(kept_of(TopNSigma({.top_n_sigma = 2.1f}), logits), (Ids{0, 1, 2, 3}));
  EXPECT_FALSE(TopNSigma({.top_n_sigma = 0}).active());
}

TEST(TopNSigma, EqualsTheOracle) {
  for_many_logits([](const std::vector<float>& logits) {
    const auto entries = oracle_entries(logits);
    long double mean = 0, variance = 0;
    for (const float logit : logits) mean += logit / static_cast<long double>(logits.size());
    for (const float logit : logits)
      variance += (logit - mean) * (logit - mean) / static_cast<long double>(logits.size());
    for (const float n : {0.1f, 1.0f, 2.7f})
      EXPECT_EQ(kept_of(TopNSigma({.top_n_sigma = n}), logits), take_if(entries, [&](const Entry& e) {
                  return e.logit >= entries[0].logit - n * std::sqrt(variance);
                }));
  });
}

TEST(Typical, LeavesOutTheTooLikely) {
  // H = 0.987; surprises 0.511, 1.050, 2.996, 4.605, 1.609 of 0.6 0.35 0.05: the nearest to H is 0.35.
  const auto logits = logits_of({0.6, 0.35, 0.05});
  EXPECT_EQ(kept_of(Typical({.typical_p = 0.1f}), logits), (Ids{1}));
  EXPECT_EQ(kept_of(Typical({.typical_p = 0.5f}), logits), (Ids{0, 1}));
  EXPECT_EQ(kept_of(Typical({.typical_p = 0.96f}), logits), (Ids{0, 1, 2}));
}

TEST(Typical, EqualsTheOracle) {
  for_many_logits([](const std::vector<float>& logits) {
    auto entries = oracle_entries(logits);
    long double entropy = 0;
    for (const Entry& entry : entries) entropy -= entry.p * std::log(entry.p);
    std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
      return std::abs(-std::log(a.p) - entropy) < std::abs(-std::log(b.p) - entropy);
    });
    for (const float p : {0.05f, 0.5f, 0.95f}) {
      const Ids kept = kept_of(Typical({.typical_p = p}), logits), expected = take_until(entries, p);
      EXPECT_EQ(kept, expected) << p;
      EXPECT_EQ(kept_of(Typical({.typical_p = p}), logits, true), kept);
    }
  });
}

TEST(Temperature, DividesLogits) {
  Candidates candidates = make_candidates({2, -4});
  Temperature({.temperature = 0.5f}).apply(candidates);
  EXPECT_EQ(logits_by_id(candidates), (std::map<Token, float>{{0, 4.0f}, {1, -8.0f}}));
}

TEST(Temperature, NearZeroKeepsTheBest) {
  EXPECT_EQ(kept_of(Temperature({.temperature = 1e-7f}), {1, 3, 3}), (Ids{1}));
  EXPECT_EQ(kept_of(Temperature({.temperature = 0.5f, .dynatemp_range = 0.5f}), {0, 1e6f}),
            (Ids{1}));  // no entropy
}

TEST(Temperature, FollowsTheEntropy) {
  const auto change = [](const std::vector<float>& logits, SamplingOptions options) {
    Candidates candidates = make_candidates(logits);
    Temperature(options).apply(candidates);
    return logits[0] / logits_by_id(candidates)[0];
  };
  const SamplingOptions options = {.temperature = 1.0f, .dynatemp_range = 0.5f};
  EXPECT_NEAR(change({7, 7, 7}, options), 1.5, 1e-6);   // all the entropy there can be
  EXPECT_NEAR(change({90, 1, 1}, options), 0.5, 1e-6);  // none
  // p = 0.8, 0.2: H / log 2 = 0.7219281.
  const auto logits = logits_of({0.8, 0.2});
  EXPECT_NEAR(change(logits, options), 0.5 + 0.7219281, 1e-6);
  SamplingOptions squared = options;
  squared.dynatemp_exponent = 2;
  EXPECT_NEAR(change(logits, squared), 0.5 + 0.7219281 * 0.7219281, 1e-6);
}

TEST(Xtc, KeepsTheLeastOfTheTopChoices) {
  const auto logits = logits_of({0.2, 0.35, 0.05, 0.3, 0.1});
  EXPECT_EQ(kept_of(Xtc({.xtc_probability = 1, .xtc_threshold = 0.15f}, 1), logits), (Ids{0, 2, 4}));
  EXPECT_EQ(kept_of(Xtc({.xtc_probability = 1, .xtc_threshold = 0.32f}, 1), logits), (Ids{0, 1, 2, 3, 4}));
  EXPECT_EQ(kept_of(Xtc({.xtc_probability = 1, .xtc_threshold = 0.0f}, 1), logits), (Ids{2}));
  EXPECT_FALSE(Xtc({.xtc_probability = 1, .xtc_threshold = 0.51f}, 1).active());
}

TEST(Xtc, ActsAsOftenAsAsked) {
  const auto logits = logits_of({0.5, 0.3, 0.2});
  Xtc xtc({.xtc_probability = 0.25f}, 3);
  int acted = 0;
  for (int i = 0; i < 10'000; ++i) {
    Candidates candidates = make_candidates(logits);
    xtc.apply(candidates);
    acted += candidates.size() == 1;
  }
  EXPECT_NEAR(acted, 2500, 150);
}

TEST(LogitBias, AddsAndBans) {
  Candidates candidates = make_candidates({1, 2, 3});
  LogitBias({.logit_bias = {{0, 5.0f}, {2, -INFINITY}, {0, 0.5f}}}, 3).apply(candidates);
  EXPECT_EQ(logits_by_id(candidates), (std::map<Token, float>{{0, 6.5f}, {1, 2.0f}}));
}

TEST(Penalties, RepeatFrequencyAndPresence) {
  Penalties penalties({.penalty_repeat = 2, .penalty_frequency = 0.5f, .penalty_presence = 0.25f});
  for (const Token token : {0, 1, 1, 1}) penalties.accept(token);
  for (const bool presorted : {false, true}) {
    Candidates candidates = make_candidates({3, -3, 1});
    if (presorted) candidates.sort();
    penalties.apply(candidates);
    EXPECT_EQ(logits_by_id(candidates),
              (std::map<Token, float>{{0, 1.5f - 0.75f}, {1, -6 - 1.75f}, {2, 1.0f}}));
  }
}

TEST(Penalties, LookBackAtTheLastNAlone) {
  const auto penalized = [](int last_n, const Ids& history) {
    Penalties penalties({.penalty_last_n = last_n, .penalty_presence = 1});
    for (const Token token : history) penalties.accept(token);
    Candidates candidates = make_candidates(std::vector<float>(10));
    penalties.apply(candidates);
    Ids ids;
    for (const auto& [id, logit] : logits_by_id(candidates))
      if (logit < 0) ids.push_back(id);
    return ids;
  };
  EXPECT_EQ(penalized(3, {1, 2}), (Ids{1, 2}));
  EXPECT_EQ(penalized(3, {1, 2, 3, 4, 5}), (Ids{3, 4, 5}));
  EXPECT_EQ(penalized(-1, {1, 2, 3, 4, 5}), (Ids{1, 2, 3, 4, 5}));
  EXPECT_EQ(penalized(0, {1, 2, 3, 4, 5}), (Ids{}));
}

// DRY as it was proposed, by the definition: for each earlier place, count how far back it agrees with the
// end.
std::map<Token, std::size_t> naive_repetitions(const Ids& history, const std::vector<bool>& breaks,
                                               std::size_t allowed) {
  std::map<Token, std::size_t> longest;
  for (std::size_t next = 1; next < history.size(); ++next) {
    std::size_t n = 0;
    while (n < next && history[next - 1 - n] == history[history.size() - 1 - n] &&
           !breaks[history.size() - 1 - n])
      ++n;
    if (n >= allowed && !breaks[next]) longest[history[next]] = std::max(longest[history[next]], n);
  }
  return longest;
}

TEST(Dry, EqualsTheDefinition) {
  Random random(11, 1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t length = random.next() % 60, vocabulary = 2 + random.next() % 4;
    const bool breaking = round % 2;
    const int allowed = 1 + static_cast<int>(random.next() % 3);
    SamplingOptions options = {
        .dry_multiplier = 0.5f, .dry_base = 2, .dry_allowed_length = allowed, .dry_last_n = 40};
    if (!breaking) options.dry_breakers.clear();
    const auto text = [](Token token) { return std::string(1, token == 0 ? '\n' : 'a'); };
    Dry dry(options, text);
    Ids history;
    for (std::size_t i = 0; i < length; ++i) {
      history.push_back(static_cast<Token>(random.next() % vocabulary));
      dry.accept(history.back());
    }
    if (history.size() > 40) history.erase(history.begin(), history.end() - 40);
    std::vector<bool> breaks;
    for (const Token token : history) breaks.push_back(breaking && token == 0);
    Candidates candidates = make_candidates(std::vector<float>(vocabulary));
    dry.apply(candidates);
    const auto longest = naive_repetitions(history, breaks, static_cast<std::size_t>(allowed));
    for (const auto& [id, logit] : logits_by_id(candidates)) {
      const auto found = longest.find(id);
      const double penalty =
          found == longest.end() ? 0 : 0.5 * std::pow(2, found->second - static_cast<double>(allowed));
      EXPECT_EQ(logit, -static_cast<float>(penalty)) << round;
    }
  }
}

TEST(Dry, FindsABreakerThatSpansTokens) {
  const std::vector<std::string> texts = {"<e", "nd", "x", "y"};
  Dry dry({.dry_multiplier = 1, .dry_allowed_length = 2, .dry_breakers = {"<end>", "<end"}},
          [&](Token token) { return texts[static_cast<std::size_t>(token)]; });
  const auto penalized = [&](const Ids& history) {
    dry.reset();
    for (const Token token : history) dry.accept(token);
    Candidates candidates = make_candidates({0, 0, 0, 0});
    dry.apply(candidates);
    return logits_by_id(candidates)[3] < 0;
  };
  EXPECT_TRUE(penalized({2, 2, 0, 2, 3, 2, 2, 0, 2}));  // x <e x then y
  EXPECT_FALSE(penalized({2, 0, 1, 3, 2, 0, 1}));       // the end of <end is no part of a repetition
}

TEST(Dry, LongRepetitionStaysFinite) {
  Dry dry({.dry_multiplier = 1e6f, .dry_base = 100, .dry_last_n = -1, .dry_breakers = {}}, {});
  for (int i = 0; i < 5000; ++i) dry.accept(1);
  Candidates candidates = make_candidates({1, 1, 1});
  dry.apply(candidates);
  EXPECT_EQ(candidates.size(), 3u);
  EXPECT_LT(logits_by_id(candidates)[1], -1e29f);
}

TEST(Mirostat, CutsAtMuAndMovesIt) {
  // Surprises in bits: 1, 2, 3, 3.
  const auto logits = logits_of({0.5, 0.25, 0.125, 0.125});
  Mirostat mirostat({.mirostat = 2, .mirostat_tau = 1.25f, .mirostat_eta = 0.5f});
  EXPECT_EQ(mirostat.mu(), 2.5);
  EXPECT_EQ(kept_of(mirostat, logits), (Ids{0, 1}));
  mirostat.observe(3);
  EXPECT_EQ(mirostat.mu(), 2.5 - 0.5 * 1.75);
  EXPECT_EQ(kept_of(mirostat, logits), (Ids{0}));
  for (int i = 0; i < 9; ++i) mirostat.observe(3);
  EXPECT_EQ(kept_of(mirostat, logits), (Ids{0}));  // the best stays even below mu = 0
}

TEST(Candidates, LeaveOutWhatIsNoNumber) {
  const Candidates candidates = make_candidates({NAN, 1, -INFINITY, INFINITY, -0.0f});
  EXPECT_EQ(ids_of(candidates), (Ids{1, 3, 4}));
  EXPECT_EQ(candidates.best().logit, std::numeric_limits<float>::max());
}

}  // namespace
}  // namespace linnet::sampling::samplers_test
