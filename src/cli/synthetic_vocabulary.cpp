// cli/synthetic_vocabulary.cpp - a made-up vocabulary: bytes, and then all words of lower-case letters by
// length. Every word's beginnings are tokens too, so that both kinds of tokenizers can build it letter by
// letter.
#include <string>
#include <vector>

#include <linnet/text/token.hpp>
#include <linnet/text/utf8.hpp>

#include "synthetic_model.hpp"

namespace linnet::cli {
namespace {

/// "a", "b", ..., "z", "aa", "ab", ...
std::string word(std::int64_t index) {
  std::string text;
  for (++index; index > 0; index = (index - 1) / 26)
    text.insert(text.begin(), static_cast<char>('a' + (index - 1) % 26));
  return text;
}

struct Tokens {
  std::vector<std::string> texts;
  std::vector<std::int32_t> kinds;

  void add(std::string text, TokenKind kind) {
    texts.push_back(std::move(text));
    kinds.push_back(static_cast<std::int32_t>(kind));
  }
};

/// GPT-2's printable character for each byte: itself, or the next from U+0100 on.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte > ' ' && byte <= '~') || (byte > 0xa0 && byte != 0xad);
    append_utf8(characters.emplace_back(), printable ? byte : next++);
  }
  return characters;
}

void add_sentence_piece(gguf::Metadata& metadata, std::int64_t size) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  Tokens tokens;
  tokens.add("<unk>", TokenKind::unknown);
  tokens.add("<s>", TokenKind::control);
  tokens.add("</s>", TokenKind::control);
  for (std::size_t byte = 0; byte < 256; ++byte)
    tokens.add(concat("<0x", digits[byte / 16], digits[byte % 16], ">"), TokenKind::byte);
  tokens.add("\xe2\x96\x81", TokenKind::normal);
  for (std::int64_t i = 0; static_cast<std::int64_t>(tokens.texts.size()) < size - 1; ++i)
    tokens.add(word(i), TokenKind::normal);
  tokens.add("<|endoftext|>", TokenKind::control);  // without it llama.cpp loads no model that is named Phi-3
  std::vector<float> scores;
  for (std::int64_t i = 0; i < size; ++i) scores.push_back(-static_cast<float>(i));
  metadata.set("tokenizer.ggml.model", "llama");
  metadata.set("tokenizer.ggml.pre", "default");
  metadata.set("tokenizer.ggml.tokens", tokens.texts);
  metadata.set("tokenizer.ggml.scores", scores);
  metadata.set("tokenizer.ggml.token_type", tokens.kinds);
  metadata.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  metadata.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  metadata.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
}

void add_byte_level(gguf::Metadata& metadata, std::int64_t size) {
  constexpr std::int64_t specials = 2;
  constexpr std::int64_t letters = 26;  // the words of one letter are bytes already
  Tokens tokens;
  std::vector<std::string> merges;
  for (std::string& character : byte_characters()) tokens.add(std::move(character), TokenKind::normal);
  for (std::int64_t i = letters; static_cast<std::int64_t>(tokens.texts.size()) < size - specials; ++i) {
    const std::string text = word(i);
    merges.push_back(concat(text.substr(0, text.size() - 1), " ", text.back()));
    tokens.add(text, TokenKind::normal);
  }
  tokens.add("<|begin_of_text|>", TokenKind::control);
  tokens.add("<|end_of_text|>", TokenKind::control);
  metadata.set("tokenizer.ggml.model", "gpt2");
  metadata.set("tokenizer.ggml.pre", "llama-bpe");
  metadata.set("tokenizer.ggml.tokens", tokens.texts);
  metadata.set("tokenizer.ggml.token_type", tokens.kinds);
  metadata.set("tokenizer.ggml.merges", merges);
  metadata.set("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(size - 2));
  metadata.set("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(size - 1));
}

}  // namespace

void add_synthetic_vocabulary(gguf::Metadata& metadata, std::int64_t size, bool byte_level) {
  if (byte_level) {
    add_byte_level(metadata, size);
  } else {
    add_sentence_piece(metadata, size);
  }
}

}  // namespace linnet::cli
