// byte_level_bpe_test.cpp - byte-level BPE on vocabularies of a few tokens.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/text/tokenizer.hpp>

#include "support/expect_error.hpp"
#include "text/small_vocabularies.hpp"

namespace linnet::byte_level_bpe_test {
namespace {

using tests::BytePairs;
using tests::Merges;
using tests::show;

TEST(ByteLevelBpe, WritesEveryByteAsItsCharacter) {
  EXPECT_EQ(write_byte_level("A \n"), "A\u0120\u010a");
  EXPECT_EQ(write_byte_level(std::string_view("\0\xad\xff\x7f", 4)), "\u0100\u0143\u00ff\u0121");
  const Tokenizer tokenizer = BytePairs().tokenizer();
  for (int byte = 0; byte < 256; ++byte)
    EXPECT_EQ(tokenizer.piece(byte), std::string(1, static_cast<char>(byte)));
}

TEST(ByteLevelBpe, MergesTheLowestRankFirst) {
  const Tokenizer tokenizer = BytePairs(Merges{{"b", "c"}, {"a", "b"}, {"a", "bc"}, {" ", "a"}}).tokenizer();
  EXPECT_EQ(show(tokenizer, tokenizer.encode("abc")), "abc");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("abd")), "ab|d");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("x a")), "x|\u0120a");
}

TEST(ByteLevelBpe, NeverMergesOverWords) {
  const Tokenizer tokenizer = BytePairs(Merges{{"a", " "}, {"a", "1"}}).tokenizer();
  EXPECT_EQ(show(tokenizer, tokenizer.encode("a a1")), "a|\u0120|a|1");
}

TEST(ByteLevelBpe, IgnoringMergesKeepsWholeWords) {
  BytePairs pairs(Merges{{"a", "b"}});
  tests::add_token(pairs.data, "bab");
  EXPECT_EQ(
      show(pairs.tokenizer("llama-bpe"), pairs.tokenizer("llama-bpe").encode("bab", {.add_special = false})),
      "bab");
  EXPECT_EQ(show(pairs.tokenizer("qwen2"), pairs.tokenizer("qwen2").encode("bab")), "b|ab");
}

TEST(ByteLevelBpe, ControlTokensAreFoundOnlyWhereAsked) {
  BytePairs pairs;
  const Token control = tests::add_token(pairs.data, "abc", 0, TokenKind::control);
  const Tokenizer tokenizer = pairs.tokenizer("llama-bpe");
  EXPECT_EQ(tokenizer.encode("abc", {.add_special = false}), std::vector<Token>{control});
  EXPECT_EQ(show(tokenizer, tokenizer.encode("abc", {.add_special = false, .parse_special = false})),
            "a|b|c");
}

TEST(ByteLevelBpe, TextNeverBecomesAControlTokenOfOneCharacter) {
  BytePairs pairs;
  pairs.data.kinds['z'] = TokenKind::control;
  const Tokenizer tokenizer = pairs.tokenizer();
  EXPECT_EQ(tokenizer.encode("z"), std::vector<Token>{'z'});
  tests::expect_error(ErrorCode::bad_model, "byte 122",
                      [&] { tokenizer.encode("z", {.parse_special = false}); });
}

TEST(ByteLevelBpe, BytesThatAreNoTextGoThrough) {
  const Tokenizer tokenizer = BytePairs().tokenizer();
  const std::vector<Token> expected = {0xff, 0xe2, 0x82, 'a', 0x00};
  EXPECT_EQ(tokenizer.encode(std::string_view("\xff\xe2\x82"
                                              "a\0",
                                              5)),
            expected);
}

TEST(ByteLevelBpe, AMissingByteIsUnknownOrAnError) {
  BytePairs pairs;
  pairs.data.texts['x'] = "[gone]";
  tests::expect_error(ErrorCode::bad_model, "byte 120", [&] { pairs.tokenizer().encode("ax"); });
  pairs.data[SpecialToken::unknown] = 0;
  EXPECT_EQ(pairs.tokenizer().encode("ax"), (std::vector<Token>{'a', 0}));
}

TEST(ByteLevelBpe, TextsComeBackTheSame) {
  const BytePairs pairs(Merges{{" ", " "}, {"\xc3", "\xa9"}, {"a", "a"}});
  for (const PreTokenizer& row : pre_tokenizers()) {
    const Tokenizer tokenizer = pairs.tokenizer(row.name);
    for (const std::string_view text :
         {"", " ", "  a  ", "caf\xc3\xa9 aaaa<tool> x", "\r\n\t 12345'll", "\xf0\x9f\xa6\x99"})
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << row.name;
  }
}

}  // namespace
}  // namespace linnet::byte_level_bpe_test
