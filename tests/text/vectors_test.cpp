// vectors_test.cpp - real vocabularies and the tokens that their own tokenizers give. Skipped where ../shared
// is absent.
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <linnet/gguf/reader.hpp>
#include <linnet/text/tokenizer.hpp>

namespace linnet::vectors_test {
namespace {

using nlohmann::json;

std::filesystem::path folder() {
  return std::filesystem::path(LINNET_SOURCE_DIR) / ".." / "shared" / "data" / "tokenizers";
}

class TokenizerVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder()))
      GTEST_SKIP() << "no " << folder() << ": real vocabularies are not tested";
  }
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string read_xz(std::string_view name) {
  const std::string command = concat("xz -dc '", (folder() / name).string(), "'");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 65536> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), count);
  EXPECT_FALSE(out.empty()) << command;
  return out;
}

// The texts of X.inp against the lines of X.out, and back to the same text.
void expect_vectors(const Tokenizer& tokenizer, const std::string& name) {
  const std::string texts = read(folder() / (name + ".inp"));
  std::istringstream lines(read(folder() / (name + ".out")));
  constexpr std::string_view separator = "\n__ggml_vocab_test__\n";
  std::string line;
  std::size_t at = 0;
  int count = 0;
  for (; at < texts.size(); ++count) {
    const std::size_t end = texts.find(separator, at);
    ASSERT_NE(end, std::string::npos) << name;
    const std::string text = texts.substr(at, end - at);
    at = end + separator.size();
    ASSERT_TRUE(std::getline(lines, line)) << name << " text " << count;
    std::istringstream ids(line);
    const std::vector<Token> expected{std::istream_iterator<Token>(ids), {}};
    const std::vector<Token> tokens = tokenizer.encode(text, {.add_special = false});
    EXPECT_EQ(tokens, expected) << name << ": " << testing::PrintToString(text);
    EXPECT_EQ(tokenizer.decode(tokens), text) << name;
  }
  EXPECT_GT(count, 40) << name;
  EXPECT_FALSE(std::getline(lines, line)) << name << ": more lines than texts";
}

// Vocabulary and added tokens of a Hugging Face tokenizer.json, as a GGUF file of them has it.
VocabularyData read_vocabulary(const json& file) {
  VocabularyData data;
  const auto set = [&](std::size_t id, const std::string& text, TokenKind kind) {
    if (id >= data.texts.size()) {
      data.texts.resize(id + 1);
      data.kinds.resize(id + 1, TokenKind::unused);
    }
    data.texts[id] = text;
    data.kinds[id] = kind;
  };
  for (const auto& [text, id] : file["model"]["vocab"].items()) set(id, text, TokenKind::normal);
  for (const json& token : file["added_tokens"])
    set(token["id"], token["content"], token["special"] ? TokenKind::control : TokenKind::user_defined);
  return data;
}

TEST_F(TokenizerVectors, GgufFiles) {
  for (const std::string name : {"llama-spm", "phi-3", "gpt-2"}) {
    const gguf::File file = gguf::File::open(folder() / (name + ".gguf"));
    const Tokenizer tokenizer = Tokenizer::from_metadata(file.metadata());
    EXPECT_TRUE(tokenizer.warnings().empty()) << name << ": " << tokenizer.warnings().front();
    expect_vectors(tokenizer, name);
  }
}

TEST_F(TokenizerVectors, Llama3) {
  VocabularyData data;
  data.texts.resize(128256);
  data.kinds.resize(128256, TokenKind::normal);
  const json encoder = json::parse(read_xz("llama-bpe.encoder.json.xz"));
  for (const auto& [text, id] : encoder.items()) data.texts.at(id.get<std::size_t>()) = text;
  for (std::size_t id = 128000; id < data.texts.size(); ++id) {
    data.texts[id] = concat("<|reserved_special_token_", id - 128000, "|>");
    data.kinds[id] = TokenKind::control;
  }
  TokenizerData rules = {.model = TokenizerModel::byte_level_bpe, .pre_tokenizer = "llama-bpe"};
  std::istringstream merges(read_xz("llama-bpe.vocab.bpe.xz"));
  for (std::string line; std::getline(merges, line);)
    if (!line.empty() && line.rfind("#version", 0) != 0) rules.merges.push_back(line);
  const Tokenizer tokenizer(Vocabulary(std::move(data)), rules);
  EXPECT_TRUE(tokenizer.warnings().empty()) << tokenizer.warnings().front();
  expect_vectors(tokenizer, "llama-bpe");
}

TEST_F(TokenizerVectors, Qwen25) {
  const json file = json::parse(read_xz("qwen2_5.tokenizer.json.xz"));
  TokenizerData rules = {.model = TokenizerModel::byte_level_bpe, .pre_tokenizer = "qwen2"};
  for (const json& merge : file["model"]["merges"]) rules.merges.push_back(merge);
  const Tokenizer tokenizer(Vocabulary(read_vocabulary(file)), rules);
  EXPECT_TRUE(tokenizer.warnings().empty()) << tokenizer.warnings().front();
  expect_vectors(tokenizer, "qwen2_5");
}

// Right sides: the Python package tokenizers with the same file.
TEST_F(TokenizerVectors, Gemma2) {
  VocabularyData data = read_vocabulary(json::parse(read_xz("gemma2.tokenizer.json.xz")));
  for (std::size_t id = 0; id < data.texts.size(); ++id) {
    data.scores.push_back(-static_cast<float>(id));  // as SentencePiece gives them
    if (data.texts[id].rfind("<0x", 0) == 0 && data.texts[id].size() == 6) data.kinds[id] = TokenKind::byte;
  }
  const Tokenizer tokenizer(Vocabulary(std::move(data)), {.add_space_prefix = false});
  const std::pair<std::string_view, std::vector<Token>> cases[] = {
      {"Hello world", {4521, 2134}},
      {"  two  spaces\n\n\nand lines", {139, 9721, 139, 46633, 110, 639, 5453}},
      {"<start_of_turn>user\nHi<end_of_turn>\n", {106, 1645, 108, 2151, 107, 108}},
      {"na\u00efve caf\u00e9 \u5317\u4eac \u2603 \U0001f99c",
       {556, 236370, 524, 18688, 136653, 235248, 242923, 235248, 247888}},
      {"x = [1, 22, 333];\t// ok",
       {235297, 589, 892, 235274, 235269, 235248, 235284, 235284, 235269, 235248, 235304, 235304, 235304,
        1380, 226, 634, 4634}},
      {"                                        deep", {168, 146, 18907}},
      {"\u1f19\u03bb\u03bb\u03ac\u03c2 \u200b\u1e8d", {246678, 60133, 235622, 24624, 254596}},
      {"<table><b>bold</b></table>\t\t\t", {169, 201, 8766, 210, 177, 255970}},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(tokenizer.encode(text, {.add_special = false}), expected) << text;
    EXPECT_EQ(tokenizer.decode(expected, {.special = true}), text);
  }
}

}  // namespace
}  // namespace linnet::vectors_test
