// pre_tokenizer_test.cpp - scanners against what the published regular expressions give, and on bytes of any
// kind.
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/base/error.hpp>
#include <linnet/text/pre_tokenizer.hpp>

#include "support/sanitized.hpp"
#include "text/pre_tokenizer_cases.hpp"

namespace linnet::pre_tokenizer_test {
namespace {

std::vector<std::string_view> split(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<std::string_view> words;
  split_words(pre_tokenizer.scanners, text, [&](std::string_view word) { words.push_back(word); });
  return words;
}

TEST(PreTokenizer, CutsAsThePublishedExpressions) {
  for (const tests::PreTokenizerCase& row : tests::pre_tokenizer_cases) {
    std::string text;
    for (const std::string_view word : row.words) text += word;
    const PreTokenizer* pre_tokenizer = find_pre_tokenizer(row.name);
    ASSERT_NE(pre_tokenizer, nullptr) << row.name;
    EXPECT_EQ(split(*pre_tokenizer, text), row.words) << row.name << ": " << text;
  }
}

TEST(PreTokenizer, NamesThatMeanTheSame) {
  const auto scanner = [](std::string_view name) { return find_pre_tokenizer(name)->scanners.data(); };
  const std::pair<std::string_view, std::vector<std::string_view>> families[] = {
      {"llama-bpe", {"llama3", "llama-v3", "dbrx", "smaug-bpe", "midm-2.0", "jina-v5-nano", "glm4"}},
      {"gpt-2",
       {"phi-2", "mpt", "olmo", "trillion", "granite-docling", "jina-es", "jina-de", "jina-v2-es",
        "jina-v2-de", "gigachat", "a.x-4.0", "mellum", "modern-bert"}},
      {"qwen2", {"kormo", "openpangu", "f2llmv2", "solar-open"}},
      {"smollm", {"command-r", "mellum2", "cohere2_moe"}},
      {"gpt-4o", {"llama4", "kanana2"}},
      {"deepseek-v3", {"hunyuan-dense", "joyai-llm"}},
      {"bloom", {"poro-chat", "gpt3-finnish"}},
  };
  for (const auto& [family, others] : families)
    for (const std::string_view name : others) EXPECT_EQ(scanner(name), scanner(family)) << name;
  EXPECT_EQ(find_pre_tokenizer("no-such-name"), nullptr);
  std::set<std::string_view> names;
  for (const PreTokenizer& row : pre_tokenizers()) EXPECT_TRUE(names.insert(row.name).second) << row.name;
}

TEST(PreTokenizer, FamiliesThatBeginTextsAndKeepWholeWords) {
  for (const std::string_view name : {"llama-bpe", "llama3", "llama-v3", "tekken", "midm-2.0"}) {
    EXPECT_TRUE(find_pre_tokenizer(name)->adds_bos) << name;
    EXPECT_TRUE(find_pre_tokenizer(name)->ignore_merges) << name;
  }
  for (const std::string_view name :
       {"gpt-2", "phi-2", "qwen2", "gpt-4o", "dbrx", "smollm", "default", "smaug-bpe", "glm4", "falcon",
        "deepseek-llm", "deepseek-coder", "deepseek-v3", "seed-coder", "viking", "bloom"}) {
    EXPECT_FALSE(find_pre_tokenizer(name)->adds_bos) << name;
    EXPECT_FALSE(find_pre_tokenizer(name)->ignore_merges) << name;
  }
}

TEST(PreTokenizer, LosesNothingOfAnyBytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t length = random() % 40; length > 0; --length)
      text += random() % 2 == 0 ? static_cast<char>(random()) : " 'sL1\n\r\t/A\xcc\x81"[random() % 13];
    for (const PreTokenizer& row : pre_tokenizers()) {
      std::string joined;
      for (const std::string_view word : split(row, text)) {
        ASSERT_FALSE(word.empty()) << row.name;
        joined += word;
      }
      ASSERT_EQ(joined, text) << row.name;
    }
  }
}

TEST(PreTokenizer, ABrokenByteIsASymbol) {
  using Words = std::vector<std::string_view>;
  EXPECT_EQ(split(*find_pre_tokenizer("gpt-2"), "ab\xff\xfe cd"), (Words{"ab", "\xff\xfe", " cd"}));
  EXPECT_EQ(split(*find_pre_tokenizer("llama-bpe"), "ab\xff\xfe cd"), (Words{"ab", "\xff\xfe", " cd"}));
  EXPECT_EQ(split(*find_pre_tokenizer("gpt-4o"), "12\xe2\x82"), (Words{"12", "\xe2\x82"}));
}

TEST(PreTokenizer, ABrokenByteBelongsToNoClassThatIsNamed) {
  using Words = std::vector<std::string_view>;
  // As numbers the first bytes are letters of DeepSeek LLM's list, the others Falcon's digits.
  EXPECT_EQ(split(*find_pre_tokenizer("deepseek-llm"), "ab\xb5\xc0 cd"), (Words{"ab", "\xb5\xc0", " cd"}));
  EXPECT_EQ(split(*find_pre_tokenizer("deepseek-coder"), "(\xff\xfe cd"), (Words{"(", "\xff\xfe", " cd"}));
  EXPECT_EQ(split(*find_pre_tokenizer("deepseek-v3"), "(\xff\xfe cd"), (Words{"(", "\xff\xfe", " cd"}));
  EXPECT_EQ(split(*find_pre_tokenizer("falcon"), "(\xff\xbd cd"), (Words{"(", "\xff", "\xbd", " cd"}));
}

// Far more than a scanner that goes back over its words, or that recurses, can do within the time of a test.
TEST(PreTokenizer, IsLinear) {
  constexpr std::size_t size = tests::sanitized ? 1'000'000 : 10'000'000;
  std::map<const WordScanner*, std::string_view> families;  // of names that mean the same, one
  for (const PreTokenizer& row : pre_tokenizers()) families.emplace(row.scanners.data(), row.name);
  for (const std::string_view unit : {"a", " ", "\n", "\xc3\xa9", "1", "'", "A\xc2\xaa", "\xcc\x81", " \n",
                                      "\t A", "\x01", "\xe3\x80\x80"}) {
    std::string text;
    while (text.size() < size / 30) text += unit;
    for (const auto& [scanners, name] : families) {
      std::size_t bytes = 0;
      split_words(find_pre_tokenizer(name)->scanners, text,
                  [&](std::string_view word) { bytes += word.size(); });
      ASSERT_EQ(bytes, text.size()) << name;
    }
  }
  const std::string text(size, ' ');
  EXPECT_EQ(split(*find_pre_tokenizer("llama-bpe"), text).size(), 1u);
  EXPECT_EQ(split(*find_pre_tokenizer("default"), text).size(), 1u);
  EXPECT_EQ(split(*find_pre_tokenizer("deepseek-llm"), text).size(), 1u);
}

}  // namespace
}  // namespace linnet::pre_tokenizer_test
