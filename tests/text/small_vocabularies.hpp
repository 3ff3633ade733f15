// tests/text/small_vocabularies.hpp - vocabularies of a few tokens that reach every path. Never read from a
// file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linnet/text/byte_level_bpe.hpp>
#include <linnet/text/tokenizer.hpp>

namespace linnet::tests {

inline Token add_token(VocabularyData& data, std::string_view text, float score = 0,
                       TokenKind kind = TokenKind::normal) {
  data.texts.emplace_back(text);
  data.scores.push_back(score);
  data.kinds.push_back(kind);
  return static_cast<Token>(data.texts.size() - 1);
}

/// <unk> <s> </s>, <0x00> to <0xFF> (ids 3 to 258) where asked, then what is added.
inline VocabularyData sentence_piece_data(bool bytes = true) {
  VocabularyData data;
  data[SpecialToken::unknown] = add_token(data, "<unk>", 0, TokenKind::unknown);
  data[SpecialToken::bos] = add_token(data, "<s>", 0, TokenKind::control);
  data[SpecialToken::eos] = add_token(data, "</s>", 0, TokenKind::control);
  data.adds_bos = true;
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (unsigned byte = 0; bytes && byte < 256; ++byte)
    add_token(data, concat("<0x", digits[byte / 16], digits[byte % 16], ">"), 0, TokenKind::byte);
  return data;
}

using Merges = std::vector<std::pair<std::string, std::string>>;

/// A token for each byte (its id is the byte), then one for each merge, then <|end_of_text|> as BOS and EOS
/// (control), <tool> (user-defined).
struct BytePairs {
  explicit BytePairs(const Merges& merges = {}) {
    for (unsigned byte = 0; byte < 256; ++byte)
      add_token(data, write_byte_level(std::string(1, static_cast<char>(byte))));
    for (const auto& [left, right] : merges) {
      lines.push_back(write_byte_level(left) + " " + write_byte_level(right));
      add_token(data, write_byte_level(left + right));
    }
    data[SpecialToken::bos] = data[SpecialToken::eos] =
        add_token(data, "<|end_of_text|>", 0, TokenKind::control);
    add_token(data, "<tool>", 0, TokenKind::user_defined);
  }

  Tokenizer tokenizer(std::string_view pre_tokenizer = "gpt-2") const {
    return Tokenizer(Vocabulary(data), {.model = TokenizerModel::byte_level_bpe,
                                        .pre_tokenizer = std::string(pre_tokenizer),
                                        .merges = lines});
  }

  VocabularyData data;
  std::vector<std::string> lines;
};

/// The texts of tokens, joined by "|".
inline std::string show(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string out;
  for (const Token token : tokens) out += concat(out.empty() ? "" : "|", tokenizer.vocabulary().text(token));
  return out;
}

}  // namespace linnet::tests
