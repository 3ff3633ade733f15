// stop_texts_test.cpp - stop texts in a stream, however it is cut.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/runtime/stop_texts.hpp>

namespace linnet::stop_texts_test {
namespace {

/// What comes out of the pieces, and whether a stop text ended them.
std::string pass(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopTexts filter(stops);
  std::string out;
  for (const std::string& piece : pieces) {
    out += filter.push(piece);
    if (filter.matched()) return out + std::string(filter.finish()) + "|";
  }
  return out + std::string(filter.finish());
}

TEST(StopTexts, WithoutAnyTextPassesAtOnce) {
  StopTexts filter({});
  EXPECT_EQ(filter.push("abc"), "abc");
  EXPECT_EQ(filter.push(""), "");
  EXPECT_EQ(filter.finish(), "");
  EXPECT_EQ(pass({""}, {"abc"}), "abc") << "an empty stop text is none";
}

TEST(StopTexts, EndsBeforeTheText) {
  EXPECT_EQ(pass({"stop"}, {"one stop two"}), "one |");
  EXPECT_EQ(pass({"stop"}, {"stop"}), "|");
  EXPECT_EQ(pass({"stop"}, {"sto", "ne"}), "stone");
  EXPECT_EQ(pass({"stop"}, {"sto"}), "sto") << "what was held back comes at the end";
}

TEST(StopTexts, SplitOverPiecesInAnyWay) {
  const std::string text = "aab aabaac";
  for (std::size_t i = 0; i <= text.size(); ++i)
    for (std::size_t j = i; j <= text.size(); ++j)
      EXPECT_EQ(pass({"aabaa"}, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}), "aab |");
}

TEST(StopTexts, HoldsBackOnlyWhatMayBeTheStart) {
  StopTexts filter({"\n\n", "END"});
  EXPECT_EQ(filter.push("a line\n"), "a line");
  EXPECT_EQ(filter.push("b"), "\nb");
  EXPECT_EQ(filter.push("EN"), "");
  EXPECT_EQ(filter.push("E"), "EN");
  EXPECT_EQ(filter.push("ND"), "");
  EXPECT_TRUE(filter.matched());
}

TEST(StopTexts, TheFirstInTheTextWins) {
  EXPECT_EQ(pass({"cd", "b"}, {"abcd"}), "a|");
  EXPECT_EQ(pass({"b", "ab"}, {"xab"}), "x|");
  EXPECT_EQ(pass({"bc", "abcd"}, {"xabc", "d"}), "xa|");
}

// The start of another stop text before the one that came is text like any other.
TEST(StopTexts, NothingIsLostBesideAnOpenMatch) {
  EXPECT_EQ(pass({"a", "xab"}, {"xa"}), "x|");
  EXPECT_EQ(pass({"lo", "hello!"}, {"hel", "lo"}), "hel|");
}

TEST(StopTexts, OverlappingRepeats) {
  EXPECT_EQ(pass({"aaab"}, {"aa", "aa", "aab", "c"}), "aaa|");
  EXPECT_EQ(pass({"abab"}, {"ab", "a", "ab", "ab"}), "aba|");
}

}  // namespace
}  // namespace linnet::stop_texts_test
