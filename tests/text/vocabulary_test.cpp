// vocabulary_test.cpp - vocabularies from metadata, right ones and wrong ones.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/text/tokenizer.hpp>
#include <linnet/text/vocabulary.hpp>

#include "support/expect_error.hpp"

namespace linnet::vocabulary_test {
namespace {

using tests::expect_error;
using Texts = std::vector<std::string>;
using Kinds = std::vector<std::int32_t>;

gguf::Metadata sentence_piece_metadata() {
  gguf::Metadata metadata;
  metadata.set("tokenizer.ggml.model", "llama");
  metadata.set("tokenizer.ggml.tokens", Texts{"<unk>", "<s>", "</s>", "a", "<|eot_id|>", "<0x41>", "b"});
  metadata.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, -1, 0, 0, -2});
  metadata.set("tokenizer.ggml.token_type", Kinds{2, 3, 3, 1, 1, 6, 4});
  return metadata;
}

gguf::Metadata bpe_metadata(std::string_view pre) {
  gguf::Metadata metadata;
  metadata.set("tokenizer.ggml.model", "gpt2");
  metadata.set("tokenizer.ggml.pre", pre);
  metadata.set("tokenizer.ggml.tokens", Texts{"a", "b", "ab", "<bos>", "<|im_end|>"});
  metadata.set("tokenizer.ggml.token_type", Kinds{1, 1, 1, 3, 3});
  metadata.set("tokenizer.ggml.merges", Texts{"a b"});
  metadata.set("tokenizer.ggml.bos_token_id", std::uint32_t{3});
  return metadata;
}

TEST(Vocabulary, ReadsTheKeys) {
  gguf::Metadata metadata = sentence_piece_metadata();
  metadata.set("tokenizer.ggml.padding_token_id", std::uint32_t{0});
  const Vocabulary vocabulary = Vocabulary::from_metadata(metadata);
  EXPECT_EQ(vocabulary.size(), 7);
  EXPECT_EQ(vocabulary.text(3), "a");
  EXPECT_EQ(vocabulary.score(6), -2);
  EXPECT_EQ(vocabulary.kind(5), TokenKind::byte);
  EXPECT_EQ(vocabulary.find("b"), 6);
  EXPECT_EQ(vocabulary.find("c"), std::nullopt);
  EXPECT_EQ(vocabulary.find(""), std::nullopt);
  EXPECT_EQ(vocabulary.padding(), 0);
  EXPECT_EQ(vocabulary.eot(), std::nullopt);
  expect_error(ErrorCode::invalid_argument, "token 7", [&] { vocabulary.text(7); });
  expect_error(ErrorCode::invalid_argument, "token -1", [&] { vocabulary.kind(-1); });
}

TEST(Vocabulary, SentencePieceHasItsCustomaryIds) {
  const Vocabulary vocabulary = Vocabulary::from_metadata(sentence_piece_metadata());
  EXPECT_EQ(vocabulary.unknown(), 0);
  EXPECT_EQ(vocabulary.bos(), 1);
  EXPECT_EQ(vocabulary.eos(), 2);
  EXPECT_TRUE(vocabulary.adds_bos());
  EXPECT_FALSE(vocabulary.adds_eos());
}

TEST(Vocabulary, AddsBosAsTheFileOrThePreTokenizerSays) {
  EXPECT_TRUE(Vocabulary::from_metadata(bpe_metadata("llama-bpe")).adds_bos());
  EXPECT_FALSE(Vocabulary::from_metadata(bpe_metadata("qwen2")).adds_bos());
  EXPECT_FALSE(Vocabulary::from_metadata(bpe_metadata("no-such-name")).adds_bos());
  gguf::Metadata metadata = bpe_metadata("llama-bpe");
  metadata.set("tokenizer.ggml.add_bos_token", false);
  metadata.set("tokenizer.ggml.add_eos_token", true);
  EXPECT_FALSE(Vocabulary::from_metadata(metadata).adds_bos());
  EXPECT_TRUE(Vocabulary::from_metadata(metadata).adds_eos());
}

TEST(Vocabulary, FindsAllEndsOfGeneration) {
  gguf::Metadata metadata = sentence_piece_metadata();
  metadata.set("tokenizer.ggml.eom_token_id", std::uint32_t{6});
  const Vocabulary vocabulary = Vocabulary::from_metadata(metadata);
  EXPECT_EQ(vocabulary.end_of_generation(), (std::vector<Token>{2, 4, 6}));  // eos, by its text, eom
  EXPECT_EQ(vocabulary.kind(4), TokenKind::control);                         // the file calls it normal
  EXPECT_TRUE(vocabulary.is_end_of_generation(4));
  EXPECT_FALSE(vocabulary.is_end_of_generation(3));
  EXPECT_FALSE(vocabulary.is_end_of_generation(-1));
  EXPECT_FALSE(vocabulary.is_end_of_generation(7));
}

TEST(Vocabulary, InHarmonyAnEndOfMessageIsNoEndOfGeneration) {
  VocabularyData data;
  data.texts = {"<|end|>", "<|return|>", "<|call|>"};
  EXPECT_EQ(Vocabulary(data).end_of_generation(), (std::vector<Token>{1, 2}));
  data.texts = {"<|end|>", "x", "y"};
  EXPECT_EQ(Vocabulary(data).end_of_generation(), (std::vector<Token>{0}));
}

TEST(Vocabulary, EmptyTextsMayRepeat) {
  VocabularyData data;
  data.texts = {"", "a", ""};
  EXPECT_EQ(Vocabulary(data).find("a"), 1);
}

TEST(Vocabulary, ErrorsNameTheKey) {
  const auto wrong = [](std::string_view key, gguf::Value value, std::string_view text) {
    gguf::Metadata metadata = sentence_piece_metadata();
    metadata.set(key, std::move(value));
    expect_error(ErrorCode::bad_model, text, [&] { Vocabulary::from_metadata(metadata); });
    expect_error(ErrorCode::bad_model, key, [&] { Vocabulary::from_metadata(metadata); });
  };
  wrong("tokenizer.ggml.tokens", Texts{}, "0 tokens");
  wrong("tokenizer.ggml.tokens", Texts{"<unk>", "<s>", "a\n", "a\n", "b", "c", "d"},
        "tokens 2 and 3 have the same text");
  wrong("tokenizer.ggml.scores", std::vector<float>{0, 0}, "2 scores for 7 tokens");
  wrong("tokenizer.ggml.scores", std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 0}, "");
  wrong("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, NAN, 0, 0, 0}, "token 3");
  wrong("tokenizer.ggml.token_type", Kinds{1}, "1 kinds for 7 tokens");
  wrong("tokenizer.ggml.token_type", Kinds{2, 3, 3, 1, 7, 6, 4}, "token 4 is of kind 7");
  wrong("tokenizer.ggml.token_type", Kinds{2, 3, 3, 1, -1, 6, 4}, "token 4 is of kind -1");
  for (const std::string_view key : special_token_keys) {
    wrong(key, std::uint32_t{7}, "token 7 is not in the vocabulary of 7 tokens");
    wrong(key, std::uint32_t{0xffffffff}, "is not in the vocabulary");
    wrong(key, std::int32_t{-1}, "token -1");
    wrong(key, "1", "");
  }
}

TEST(Vocabulary, RefusesOtherTokenizers) {
  gguf::Metadata metadata = sentence_piece_metadata();
  metadata.set("tokenizer.ggml.model", "bert");
  expect_error(ErrorCode::unsupported, "tokenizer.ggml.model", [&] { Vocabulary::from_metadata(metadata); });
  metadata.erase("tokenizer.ggml.model");
  expect_error(ErrorCode::bad_model, "tokenizer.ggml.model", [&] { Vocabulary::from_metadata(metadata); });
}

TEST(TokenizerFromMetadata, ErrorsNameTheKey) {
  for (const std::string_view text : {"<0x-1>", "<0x1>", "<0x123>", "<0xG0>", "<1x00>", "A"}) {
    gguf::Metadata metadata = sentence_piece_metadata();
    metadata.set("tokenizer.ggml.tokens", Texts{"<unk>", "<s>", "</s>", "a", "e", std::string(text), "b"});
    expect_error(ErrorCode::bad_model, "tokenizer.ggml.tokens: token 5",
                 [&] { Tokenizer::from_metadata(metadata); });
  }
  for (const std::string_view merge : {"", " ", "ab", " ab", "ab "}) {
    gguf::Metadata metadata = bpe_metadata("gpt-2");
    metadata.set("tokenizer.ggml.merges", Texts{"a b", std::string(merge)});
    expect_error(ErrorCode::bad_model, "tokenizer.ggml.merges: merge 1",
                 [&] { Tokenizer::from_metadata(metadata); });
  }
  gguf::Metadata metadata = bpe_metadata("gpt-2");
  metadata.erase("tokenizer.ggml.merges");
  expect_error(ErrorCode::bad_model, "tokenizer.ggml.merges", [&] { Tokenizer::from_metadata(metadata); });
}

TEST(TokenizerFromMetadata, WarnsOfWhatItDoesNotKnow) {
  EXPECT_TRUE(Tokenizer::from_metadata(bpe_metadata("gpt-2")).warnings().empty());
  const Tokenizer unknown = Tokenizer::from_metadata(bpe_metadata("no-such-name"));
  ASSERT_EQ(unknown.warnings().size(), 1u);
  EXPECT_NE(unknown.warnings()[0].find("'no-such-name'"), std::string::npos) << unknown.warnings()[0];
  EXPECT_NE(unknown.warnings()[0].find("\"default\""), std::string::npos);

  gguf::Metadata metadata = bpe_metadata("gpt-2");
  metadata.erase("tokenizer.ggml.pre");
  metadata.set("tokenizer.ggml.merges", Texts{"a b", "a x", "b b"});
  const Tokenizer tokenizer = Tokenizer::from_metadata(metadata);
  ASSERT_EQ(tokenizer.warnings().size(), 2u);
  EXPECT_NE(tokenizer.warnings()[0].find("tokenizer.ggml.pre is missing"), std::string::npos);
  EXPECT_NE(tokenizer.warnings()[1].find("2 of 3 merges"), std::string::npos) << tokenizer.warnings()[1];
  EXPECT_EQ(tokenizer.encode("ab"), std::vector<Token>{2});
}

}  // namespace
}  // namespace linnet::vocabulary_test
