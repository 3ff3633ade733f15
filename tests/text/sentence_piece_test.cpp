// sentence_piece_test.cpp - SentencePiece on vocabularies of a few tokens.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/text/tokenizer.hpp>

#include "support/expect_error.hpp"
#include "text/small_vocabularies.hpp"

namespace linnet::sentence_piece_test {
namespace {

using tests::add_token;
using tests::sentence_piece_data;
using tests::show;
constexpr EncodeOptions plain = {.add_special = false};

Tokenizer make_tokenizer(const VocabularyData& data, bool add_space_prefix = true) {
  return Tokenizer(Vocabulary(data), {.add_space_prefix = add_space_prefix});
}

TEST(SentencePiece, MergesTheHighestScoreFirst) {
  VocabularyData data = sentence_piece_data();
  for (const std::string_view text : {"a", "b", "c"}) add_token(data, text, -9);
  add_token(data, "ab", -2);
  add_token(data, "bc", -1);
  add_token(data, "abc", -8);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("ab", plain)), "ab");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("abc", plain)), "abc");  // b c first, then a bc
  EXPECT_EQ(show(tokenizer, tokenizer.encode("bab", plain)), "b|ab");
}

TEST(SentencePiece, OfEqualScoresTheLeftmostMerges) {
  VocabularyData data = sentence_piece_data();
  add_token(data, "a", -9);
  add_token(data, "aa", -1);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("aaaaa", plain)), "aa|aa|a");
}

TEST(SentencePiece, MergesThroughCharactersThatAreNoTokens) {
  VocabularyData data = sentence_piece_data();
  add_token(data, "xy", -1);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("xyx", plain)), "xy|<0x78>");
}

TEST(SentencePiece, WritesTheRestInBytes) {
  VocabularyData data = sentence_piece_data();
  add_token(data, "a", -1);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("a\xc3\xa9", plain)), "a|<0xC3>|<0xA9>");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("\xff\xe2\x96", plain)), "<0xFF>|<0xE2>|<0x96>");  // no UTF-8
}

TEST(SentencePiece, WithoutBytesARunIsOneUnknownToken) {
  VocabularyData data = sentence_piece_data(false);
  add_token(data, "a", -1);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("xyaz", plain)), "<unk>|a|<unk>");
  data[SpecialToken::unknown].reset();
  const Tokenizer bare = make_tokenizer(data, false);
  tests::expect_error(ErrorCode::bad_model, "byte 120", [&] { bare.encode("ax"); });
}

// Text that looks like a token of these kinds, letter by letter, must not become one.
TEST(SentencePiece, MergingNeverMakesControlUnknownOrByteTokens) {
  VocabularyData data = sentence_piece_data();
  for (const std::string_view text :
       {"<", "s", ">", "s>", "<s", "0", "x", "4", "1", "<0", "<0x", "<0x4", "<0x41"})
    add_token(data, text, -1);
  const Tokenizer tokenizer = make_tokenizer(data, false);
  for (const std::string_view text : {"<s>", "<0x41>", "</s>", "<unk>"}) {
    for (const Token token : tokenizer.encode(text, {.add_special = false, .parse_special = false}))
      EXPECT_NE(tokenizer.vocabulary().text(token), text);
  }
}

TEST(SentencePiece, PutsASpaceBeforeATextAndAfterSpecialTokens) {
  VocabularyData data = sentence_piece_data();
  const std::string space(escaped_space);
  for (const std::string& text : {std::string("a"), std::string("b"), space}) add_token(data, text, -9);
  add_token(data, space + "a", -1);
  const Tokenizer tokenizer = make_tokenizer(data);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("a")), "<s>|" + space + "a");
  EXPECT_EQ(show(tokenizer, tokenizer.encode(" a")), "<s>|" + space + "|" + space + "a");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("b</s>a b")),
            "<s>|" + space + "|b|</s>|" + space + "a|" + space + "|b");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("")), "<s>");
  const Tokenizer bare = make_tokenizer(data, false);
  EXPECT_EQ(show(bare, bare.encode("a")), "<s>|a");
}

// Where a token has a space inside, a text cannot be merged word by word.
TEST(SentencePiece, MergesOverSpacesWhereTheVocabularyDoes) {
  const std::string space(escaped_space);
  VocabularyData data = sentence_piece_data();
  for (const std::string& text : {std::string("a"), std::string("b"), space}) add_token(data, text, -9);
  add_token(data, "a" + space, -2);
  const Tokenizer without = make_tokenizer(data, false);
  EXPECT_EQ(show(without, without.encode("a b", plain)), "a" + space + "|b");
  add_token(data, "a" + space + "b", -3);
  const Tokenizer with = make_tokenizer(data, false);
  EXPECT_EQ(show(with, with.encode("a b", plain)), "a" + space + "b");
}

TEST(SentencePiece, UserDefinedTokensAreFoundFirst) {
  const std::string space(escaped_space);
  VocabularyData data = sentence_piece_data();
  for (const std::string& text : {std::string("a"), std::string("b"), space}) add_token(data, text, -9);
  add_token(data, "ab", -1);
  add_token(data, "ba", 0, TokenKind::user_defined);
  add_token(data, "a" + space + "a", 0, TokenKind::user_defined);  // U+2581 is a space here, too
  const Tokenizer tokenizer = make_tokenizer(data, false);
  EXPECT_EQ(show(tokenizer, tokenizer.encode("abab", plain)), "a|ba|b");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("ba a", {.add_special = false, .parse_special = false})),
            "ba|" + space + "|a");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a a", plain)), "a a");
  EXPECT_EQ(tokenizer.encode("a a", plain).size(), 1u);
  EXPECT_EQ(tokenizer.encode("a" + space + "a", plain), tokenizer.encode("a a", plain));  // and in the text
}

TEST(SentencePiece, TextsComeBackTheSame) {
  VocabularyData data = sentence_piece_data();
  const std::string space(escaped_space);
  for (const std::string& text : {std::string("a"), std::string("b"), space}) add_token(data, text, -9);
  add_token(data, space + space, -1);
  add_token(data, space + "a", -2);
  add_token(data, "<tool>", 0, TokenKind::user_defined);
  for (const bool add_space_prefix : {true, false}) {
    const Tokenizer tokenizer = make_tokenizer(data, add_space_prefix);
    for (const std::string_view text :
         {"", " ", "  ", "   a", "a", " a b ", "a<tool>b", " <tool> <tool>  a", "\xc3\xa9 \n\x01", "\n"})
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << add_space_prefix;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("a</s>b", plain), {.special = true}), "a</s>b");
  }
}

TEST(SentencePiece, AContinuationKeepsItsSpace) {
  const std::string space(escaped_space);
  VocabularyData data = sentence_piece_data();
  const Token word = add_token(data, space + "a", -2);
  const Tokenizer tokenizer = make_tokenizer(data);
  const std::vector<Token> tokens = {word, word};
  EXPECT_EQ(tokenizer.decode(tokens), "a a");
  EXPECT_EQ(tokenizer.decode(tokens, {.continues = true}), " a a");
  EXPECT_EQ(tokenizer.piece(word), " a");
}

}  // namespace
}  // namespace linnet::sentence_piece_test
