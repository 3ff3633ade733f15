// unicode_test.cpp - normal form C: known pairs, broken bytes, and runs of marks of any length.
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <linnet/text/tokenizer.hpp>
#include <linnet/text/unicode.hpp>

#include "text/small_vocabularies.hpp"

namespace linnet::unicode_test {
namespace {

using namespace std::string_literals;

// Right sides: what Python's unicodedata.normalize("NFC", ...) gives.
const std::pair<std::string, std::string> pairs[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"e\u0301t\u00e9", "\u00e9t\u00e9"},
    {"\u0301", "\u0301"},
    {"a\u0307\u0323", "\u1ea1\u0307"},  // marks are ordered before they join
    {"\u1112\u1161\u11ab", "\ud55c"},   // Hangul by rule
    {"\ud558\u11ab", "\ud55c"},
    {"\u212b", "\u00c5"},        // a single character that another stands for
    {"\u0958", "\u0915\u093c"},  // joined forms that are not used
    {"\u0344", "\u0308\u0301"},
    {"\u304b\u3099", "\u304c"},
    {"A\u030a\u0301\nz\u0323", "\u01fa\n\u1e93"},
};

TEST(Compose, GivesNormalFormC) {
  for (const auto& [text, composed] : pairs) {
    EXPECT_EQ(compose(text), composed) << text;
    EXPECT_EQ(compose(composed), composed) << text;
    EXPECT_EQ(compose("<" + text + ">"), "<" + composed + ">") << text;
  }
}

TEST(Compose, KeepsBytesThatAreNoUtf8) {
  for (const std::string& text :
       {"e\xff\xcc\x81"s, "\xcc"s, "\x81\xcc\x81"s, "\xed\xa0\x80"s, "a\0\xcc\x81"s})
    EXPECT_EQ(compose(text), text);
  EXPECT_EQ(compose("\xffo\xcc\x88\xff"), "\xff\xc3\xb6\xff");
}

TEST(Compose, TakesLongRunsOfMarks) {
  std::string text = "a";
  for (int i = 0; i < 500'000; ++i) text += "\u0301\u0323";  // in the wrong order
  const std::string composed = compose(text);
  EXPECT_EQ(composed.size(), text.size());
  EXPECT_EQ(composed.substr(0, 7), "\u1ea1\u0323\u0323");  // the lower marks come first, and one has joined
}

TEST(Compose, IsForVocabulariesThatWereMadeSo) {
  const tests::BytePairs vocabulary;
  const std::string apart = "e\u0301", joined = "\u00e9";
  for (const std::string_view name : {"qwen2", "gpt-2"}) {
    const Tokenizer tokenizer = vocabulary.tokenizer(name);
    EXPECT_EQ(tokenizer.encode(apart) == tokenizer.encode(joined), name == "qwen2");
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(apart)), name == "qwen2" ? joined : apart);
  }
}

}  // namespace
}  // namespace linnet::unicode_test
