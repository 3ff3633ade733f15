// merge_test.cpp - merging, against the plain reading of its rule.
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/text/merge.hpp>

namespace linnet::merge_test {
namespace {

// Rank and result of a pair are any function of the two tokens: with ties, and with merges that make better
// pairs.
struct Rule {
  std::uint32_t seed, ranks, tokens;

  Merge operator()(const Symbol& left, const Symbol& right) const {
    const auto mixed =
        (static_cast<std::uint32_t>(left.token) * 31u + static_cast<std::uint32_t>(right.token) + seed) *
        2654435761u;
    if (mixed % 5 == 0) return {};
    return {(mixed >> 8) % ranks, static_cast<Token>((mixed >> 16) % tokens)};
  }
};

std::vector<Symbol> merge_plainly(std::vector<Symbol> symbols, const Rule& rule) {
  for (;;) {
    Merge best;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Merge merge = rule(symbols[i], symbols[i + 1]);
      if (merge.rank < best.rank) {
        best = merge;
        at = i;
      }
    }
    if (best.rank == Merge::none) return symbols;
    symbols[at] = {symbols[at].begin, symbols[at + 1].end, best.token};
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeSymbols, FollowsItsRuleForAnyRanks) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const Rule rule = {static_cast<std::uint32_t>(random()), 1 + static_cast<std::uint32_t>(random() % 12),
                       1 + static_cast<std::uint32_t>(random() % 9)};
    std::vector<Symbol> symbols;
    const std::size_t count = round % 2 == 0 ? random() % 33 : random() % 200;  // both ways of merging
    for (std::uint32_t i = 0; i < count; ++i)
      symbols.push_back({i, i + 1, static_cast<Token>(random() % rule.tokens)});
    const std::vector<Symbol> expected = merge_plainly(symbols, rule);
    merge_symbols(symbols, rule);
    ASSERT_EQ(symbols.size(), expected.size()) << "round " << round;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      ASSERT_EQ(symbols[i].begin, expected[i].begin) << "round " << round;
      ASSERT_EQ(symbols[i].end, expected[i].end) << "round " << round;
      ASSERT_EQ(symbols[i].token, expected[i].token) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace linnet::merge_test
