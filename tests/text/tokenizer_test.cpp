// tokenizer_test.cpp - what both kinds of tokenizers share: special tokens, options, decoding, long texts.
#include <pthread.h>

#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/text/stream_detokenizer.hpp>
#include <linnet/text/tokenizer.hpp>

#include "support/expect_error.hpp"
#include "support/sanitized.hpp"
#include "text/small_vocabularies.hpp"

namespace linnet::tokenizer_test {
namespace {

using tests::add_token;
using tests::BytePairs;
using tests::expect_error;
using tests::Merges;
using tests::sentence_piece_data;
using tests::show;

TEST(Tokenizer, AddsBosAndEosAsTheVocabularySays) {
  BytePairs pairs;
  const Token end = *pairs.data[SpecialToken::bos];
  EXPECT_EQ(pairs.tokenizer().encode("a"), std::vector<Token>{'a'});
  pairs.data.adds_bos = true;
  EXPECT_EQ(pairs.tokenizer().encode("a"), (std::vector<Token>{end, 'a'}));
  pairs.data.adds_eos = true;
  EXPECT_EQ(pairs.tokenizer().encode("a"), (std::vector<Token>{end, 'a', end}));
  EXPECT_EQ(pairs.tokenizer().encode(""), (std::vector<Token>{end, end}));
  EXPECT_EQ(pairs.tokenizer().encode("a", {.add_special = false}), std::vector<Token>{'a'});
  EXPECT_EQ(pairs.tokenizer().encode("a", {.goes_on = true}), (std::vector<Token>{end, 'a'}));
  pairs.data[SpecialToken::bos].reset();
  EXPECT_EQ(pairs.tokenizer().encode("a"), (std::vector<Token>{'a', end}));
}

TEST(Tokenizer, FindsTheLongestSpecialTokenAtTheLeftmostPlace) {
  BytePairs pairs;
  for (const std::string_view text : {"<a>", "<a><b>", "<a", "b><c>"})
    add_token(pairs.data, text, 0, TokenKind::control);
  const Tokenizer tokenizer = pairs.tokenizer();
  EXPECT_EQ(show(tokenizer, tokenizer.encode("<a><b><c>")), "<a><b>|<|c|>");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("<a><b")), "<a>|<|b");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("x<a")), "x|<a");
  EXPECT_EQ(show(tokenizer, tokenizer.encode("<<a>")), "<|<a>");
}

TEST(Tokenizer, WithoutParsingOnlyUserDefinedTokensAreFound) {
  BytePairs pairs;
  const Token tool = add_token(pairs.data, "<t>", 0, TokenKind::user_defined);
  add_token(pairs.data, "<t>!", 0, TokenKind::control);
  const Tokenizer tokenizer = pairs.tokenizer();
  EXPECT_EQ(tokenizer.encode("<t>!", {.parse_special = false}), (std::vector<Token>{tool, '!'}));
  EXPECT_EQ(show(tokenizer, tokenizer.encode("<t>!")), "<t>!");
  EXPECT_EQ(tokenizer.encode("<|end_of_text|>", {.parse_special = false}).size(), 15u);
  EXPECT_EQ(tokenizer.encode("<|end_of_text|>").size(), 1u);
}

TEST(Tokenizer, ControlTokensMayBeTextButForSomePlaces) {
  BytePairs pairs;
  add_token(pairs.data, "<t>", 0, TokenKind::user_defined);
  const Tokenizer tokenizer = pairs.tokenizer();
  const std::string eos = "<|end_of_text|>", text = eos + "<t>" + eos;
  using Places = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(tokenizer.find_control(text), (Places{{0, 15}, {18, 33}}));
  EXPECT_EQ(tokenizer.encode(text, {.control_at = std::vector<std::size_t>{0, 18}}), tokenizer.encode(text));
  EXPECT_EQ(tokenizer.encode(text, {.control_at = std::vector<std::size_t>()}),
            tokenizer.encode(text, {.parse_special = false}));
  EXPECT_EQ(tokenizer.encode(text, {.control_at = std::vector<std::size_t>{18}}).size(), 17u);
  EXPECT_EQ(tokenizer.encode(text, {.control_at = std::vector<std::size_t>{1, 17, 99}}).size(), 31u);
}

// Phi-3's special tokens take the white space after them along, except three.
TEST(Tokenizer, StripsWhiteSpaceOnlyInPhi3sVocabulary) {
  VocabularyData data = sentence_piece_data();
  for (const std::string_view text : {"<|end|>", "<|endoftext|>"})
    add_token(data, text, 0, TokenKind::control);
  for (const std::string_view text : {"a", "\xe2\x96\x81", "\n"}) add_token(data, text, -1);
  const auto encode = [&](std::string_view text) {
    const Tokenizer tokenizer(Vocabulary(data), {.add_space_prefix = false});
    return show(tokenizer, tokenizer.encode(text, {.add_special = false}));
  };
  EXPECT_EQ(encode("<|end|>\n a"), "<|end|>|\n|\xe2\x96\x81|a");
  add_token(data, "<|placeholder1|>", 0, TokenKind::control);
  EXPECT_EQ(encode("<|end|>\n a"), "<|end|>|a");
  EXPECT_EQ(encode("<|end|> \n\xc2\xa0\xe3\x80\x80"), "<|end|>");
  EXPECT_EQ(encode("<|endoftext|>\na"), "<|endoftext|>|\n|a");
}

TEST(Tokenizer, TooLongSpecialTokensAreLeftOutWithAWarning) {
  BytePairs pairs;
  add_token(pairs.data, std::string(SpecialTokens::max_length, 'q'), 0, TokenKind::control);
  add_token(pairs.data, std::string(SpecialTokens::max_length + 1, 'r'), 0, TokenKind::control);
  const Tokenizer tokenizer = pairs.tokenizer();
  ASSERT_EQ(tokenizer.warnings().size(), 1u);
  EXPECT_EQ(tokenizer.encode(std::string(SpecialTokens::max_length, 'q')).size(), 1u);
  EXPECT_EQ(tokenizer.encode(std::string(SpecialTokens::max_length + 1, 'r')).size(),
            SpecialTokens::max_length + 1);
}

TEST(Tokenizer, DecodesControlTokensWhereAsked) {
  const BytePairs pairs;
  const Tokenizer tokenizer = pairs.tokenizer();
  const std::vector<Token> tokens = tokenizer.encode("a<|end_of_text|>b<tool>");
  EXPECT_EQ(tokenizer.decode(tokens), "ab<tool>");
  EXPECT_EQ(tokenizer.decode(tokens, {.special = true}), "a<|end_of_text|>b<tool>");
  EXPECT_EQ(tokenizer.piece(tokens[1]), "");
  EXPECT_EQ(tokenizer.piece(tokens[1], {.special = true}), "<|end_of_text|>");
}

TEST(Tokenizer, RefusesTokensOutsideTheVocabulary) {
  const Tokenizer tokenizer = BytePairs().tokenizer();
  for (const Token token : {-1, 258, 1 << 30}) {
    expect_error(ErrorCode::invalid_argument, concat("token ", token), [&] { tokenizer.piece(token); });
    expect_error(ErrorCode::invalid_argument, concat("token ", token),
                 [&] { tokenizer.decode(std::vector{token}); });
  }
}

TEST(Tokenizer, DecodesToValidUtf8) {
  const Tokenizer tokenizer = BytePairs().tokenizer();
  EXPECT_EQ(tokenizer.decode(std::vector<Token>{'a', 0xe2, 0x82, 'b', 0xff}), "a\ufffdb\ufffd");
  EXPECT_EQ(tokenizer.decode(std::vector<Token>{0xe2, 0x82, 0xac, 0xf0}), "\u20ac\ufffd");
}

TEST(Tokenizer, WorksAfterAMoveAndInACopy) {
  Tokenizer first = BytePairs(Merges{{"a", "b"}}).tokenizer();
  const Tokenizer copy = first;
  const Tokenizer moved = std::move(first);
  EXPECT_EQ(copy.encode("abx"), moved.encode("abx"));
  EXPECT_EQ(show(moved, moved.encode("abx")), "ab|x");
}

TEST(Tokenizer, IsSharedByThreads) {
  const Tokenizer tokenizer = BytePairs(Merges{{"a", "b"}, {"ab", "c"}}).tokenizer("llama-bpe");
  const std::vector<Token> expected = tokenizer.encode("abc abd xyz 123");
  std::vector<std::thread> threads;
  std::vector<int> failures(4);
  for (int& failed : failures)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) failed += tokenizer.encode("abc abd xyz 123") != expected;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(4));
}

// Runs on a thread with a stack of 256 KiB.
void run_on_small_stack(std::function<void()> run) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void* function) -> void* {
                  (*static_cast<std::function<void()>*>(function))();
                  return nullptr;
                },
                &run),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

std::string repeat(std::string_view unit, std::size_t size) {
  std::string out;
  out.reserve(size + unit.size());
  while (out.size() < size) out += unit;
  return out;
}

// Tokens of a power of two of each unit, as real vocabularies have them.
BytePairs long_pairs() {
  Merges merges = {{"\xc3", "\xa9"}};
  for (const std::string unit : {"a", " ", "\n", "\xc3\xa9", "1", "'"}) {
    std::string half = unit;
    for (int i = 0; i < 4; ++i, half += half) merges.emplace_back(half, half);
  }
  return BytePairs(merges);
}

// What is quadratic takes hours here; the limit leaves room for slow machines and sanitizers.
void expect_near_linear(const Tokenizer& tokenizer, std::string_view unit, std::size_t size) {
  const std::string text = repeat(unit, size);
  run_on_small_stack([&] {
    timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    const std::vector<Token> tokens = tokenizer.encode(text, {.add_special = false});
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    EXPECT_LT(end.tv_sec - begin.tv_sec, 30) << unit;
    EXPECT_EQ(tokenizer.decode(tokens), text) << unit;
  });
}

// Bytes of a long text; a tenth under a sanitizer, which takes ten times as long.
constexpr std::size_t many = tests::sanitized ? 1'000'000 : 10'000'000;

TEST(Tokenizer, LongWordsOfEveryPreTokenizer) {
  const BytePairs pairs = long_pairs();
  for (const std::string_view name :
       {"llama-bpe", "gpt-2", "qwen2", "gpt-4o", "tekken", "smollm", "default"}) {
    const Tokenizer tokenizer = pairs.tokenizer(name);
    for (const std::string_view unit : {"a", " ", "\n", "\xc3\xa9", "1", "'"})
      expect_near_linear(tokenizer, unit, many / 50);
  }
}

TEST(Tokenizer, TenMegabytesOfOneCharacter) {
  const BytePairs pairs = long_pairs();
  expect_near_linear(pairs.tokenizer("llama-bpe"), "a", many);
  expect_near_linear(pairs.tokenizer("smollm"), "1", many);
  VocabularyData data = sentence_piece_data();
  for (const std::string unit : {"\xe2\x96\x81", "a"}) {
    std::string text = unit;
    for (int i = 0; i < 5; ++i, text += text) add_token(data, text, static_cast<float>(-i));
  }
  const Tokenizer sentence_piece(Vocabulary(data), {});
  expect_near_linear(sentence_piece, " ", many);
  expect_near_linear(sentence_piece, "a", many / 10);
}

TEST(StreamDetokenizer, PiecesJoinedAreTheWhole) {
  std::mt19937 random(3);
  VocabularyData data = sentence_piece_data();
  for (const std::string_view text : {"\xe2\x96\x81", "a",
                                      "\xe2\x96\x81"
                                      "a",
                                      "\xc3\xa9"})
    add_token(data, text, -1);
  add_token(data, "<tool>", 0, TokenKind::user_defined);
  const Tokenizer tokenizers[] = {Tokenizer(Vocabulary(data), {}),
                                  BytePairs(Merges{{"\xe2", "\x82"}}).tokenizer()};
  for (int round = 0; round < 2000; ++round) {
    const Tokenizer& tokenizer = tokenizers[round % 2];
    const DecodeOptions options = {.special = random() % 2 == 0, .continues = random() % 2 == 0};
    std::vector<Token> tokens(random() % 12);
    for (Token& token : tokens)
      token = static_cast<Token>(random() % static_cast<unsigned>(tokenizer.vocabulary().size()));
    StreamDetokenizer stream(tokenizer, options);
    for (int again = 0; again < 2; ++again) {  // after finish() it is as new
      std::string joined;
      for (const Token token : tokens) {
        const std::string_view piece = stream.push(token);
        Utf8Repair repair;  // a piece of whole characters comes through as it is
        std::string repaired;
        repair.append(repaired, piece);
        ASSERT_EQ(repaired, piece);
        joined += piece;
      }
      joined += stream.finish();
      ASSERT_EQ(joined, tokenizer.decode(tokens, options));
    }
  }
}

TEST(StreamDetokenizer, WaitsForWholeCharacters) {
  const Tokenizer tokenizer = BytePairs().tokenizer();
  StreamDetokenizer stream(tokenizer);
  EXPECT_EQ(stream.push(0xe2), "");
  EXPECT_EQ(stream.push(0x82), "");
  EXPECT_EQ(stream.push(0xac), "\u20ac");
  EXPECT_EQ(stream.push(0xf0), "");
  expect_error(ErrorCode::invalid_argument, "token 999", [&] { stream.push(999); });
  EXPECT_EQ(stream.push('a'),
            "\ufffd"
            "a");
  EXPECT_EQ(stream.push(0xc3), "");
  EXPECT_EQ(stream.finish(), "\ufffd");
  EXPECT_EQ(stream.finish(), "");
}

}  // namespace
}  // namespace linnet::tokenizer_test
