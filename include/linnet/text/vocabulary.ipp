// text/vocabulary.ipp - the bodies of text/vocabulary.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <linnet/base/printable.hpp>
#include <linnet/text/pre_tokenizer.hpp>
#include <linnet/text/vocabulary.hpp>

namespace linnet {
namespace detail {

// Texts by which the model families end a turn or a text, whatever their files say.
inline constexpr std::string_view end_of_generation_texts[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|tool_response>",
    "<end_of_utterance>",
    "<\xef\xbd\x9c"
    "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
};

inline std::uint64_t hash_text(std::string_view text) noexcept { return std::hash<std::string_view>{}(text); }

inline std::vector<TokenKind> read_kinds(const gguf::Metadata& metadata) {
  constexpr std::string_view key = "tokenizer.ggml.token_type";
  std::vector<TokenKind> kinds;
  if (!metadata.contains(key)) return kinds;
  for (const std::int64_t value : metadata.integers(key)) {
    // 0 is how some files write a token without a kind.
    if (value < 0 || value > static_cast<std::int64_t>(TokenKind::byte))
      fail(ErrorCode::bad_model, key, ": token ", kinds.size(), " is of kind ", value, "; kinds are 1 to 6");
    kinds.push_back(value == 0 ? TokenKind::normal : static_cast<TokenKind>(value));
  }
  return kinds;
}

// The ids of a SentencePiece model whose file names none: <unk>, <s>, </s>.
inline void set_sentence_piece_defaults(VocabularyData& data) {
  const auto set = [&](SpecialToken role, Token token, TokenKind kind) {
    const auto i = static_cast<std::size_t>(token);
    if (!data[role] && i < data.kinds.size() && data.kinds[i] == kind) data[role] = token;
  };
  set(SpecialToken::unknown, 0, TokenKind::unknown);
  set(SpecialToken::bos, 1, TokenKind::control);
  set(SpecialToken::eos, 2, TokenKind::control);
}

}  // namespace detail

LINNET_INLINE Vocabulary Vocabulary::from_metadata(const gguf::Metadata& metadata) {
  const std::string_view model = metadata.text("tokenizer.ggml.model");
  if (model != "llama" && model != "gpt2")
    fail(ErrorCode::unsupported, "tokenizer.ggml.model: ", in_quotes(model),
         " is not supported; the tokenizers are \"llama\" (SentencePiece) and \"gpt2\" (byte-level BPE)");
  VocabularyData data;
  for (const std::string_view text : metadata.texts("tokenizer.ggml.tokens")) data.texts.emplace_back(text);
  if (metadata.contains("tokenizer.ggml.scores")) data.scores = metadata.reals("tokenizer.ggml.scores");
  data.kinds = detail::read_kinds(metadata);
  for (std::size_t i = 0; i < special_token_keys.size(); ++i) {
    if (!metadata.contains(special_token_keys[i])) continue;
    const std::int64_t id = metadata.integer(special_token_keys[i]);
    if (id < 0 || id >= static_cast<std::int64_t>(data.texts.size()))
      fail(ErrorCode::bad_model, special_token_keys[i], ": token ", id, " is not in the vocabulary of ",
           data.texts.size(), " tokens");
    data.special[i] = static_cast<Token>(id);
  }
  bool adds_bos = model == "llama";
  if (adds_bos) {
    detail::set_sentence_piece_defaults(data);
  } else if (const auto* pre = find_pre_tokenizer(metadata.text("tokenizer.ggml.pre", "default"))) {
    adds_bos = pre->adds_bos;
  }
  data.adds_bos = metadata.boolean("tokenizer.ggml.add_bos_token", adds_bos);
  data.adds_eos = metadata.boolean("tokenizer.ggml.add_eos_token", false);
  return Vocabulary(std::move(data));
}

LINNET_INLINE Vocabulary::Vocabulary(VocabularyData data)
    : scores_(std::move(data.scores)),
      kinds_(std::move(data.kinds)),
      special_(data.special),
      adds_bos_(data.adds_bos),
      adds_eos_(data.adds_eos) {
  const std::size_t count = data.texts.size();
  if (count == 0 || count > static_cast<std::size_t>(std::numeric_limits<Token>::max()))
    fail(ErrorCode::bad_model, "tokenizer.ggml.tokens: ", count, " tokens; expected 1 to 2147483647");
  if (scores_.empty()) scores_.resize(count);
  if (kinds_.empty()) kinds_.resize(count, TokenKind::normal);
  if (scores_.size() != count)
    fail(ErrorCode::bad_model, "tokenizer.ggml.scores: ", scores_.size(), " scores for ", count, " tokens");
  if (kinds_.size() != count)
    fail(ErrorCode::bad_model, "tokenizer.ggml.token_type: ", kinds_.size(), " kinds for ", count, " tokens");
  if (const auto nan = std::find_if(scores_.begin(), scores_.end(), [](float s) { return std::isnan(s); });
      nan != scores_.end())
    fail(ErrorCode::bad_model, "tokenizer.ggml.scores: the score of token ", nan - scores_.begin(),
         " is no number");
  for (std::size_t i = 0; i < special_.size(); ++i)
    if (special_[i] && !contains(*special_[i]))
      fail(ErrorCode::bad_model, special_token_keys[i], ": token ", *special_[i],
           " is not in the vocabulary of ", count, " tokens");
  index_texts(data.texts);
  find_end_of_generation();
}

LINNET_INLINE void Vocabulary::index_texts(const std::vector<std::string>& texts) {
  ends_.reserve(texts.size() + 1);
  ends_.push_back(0);
  by_text_ = ProbeTable(texts.size());
  for (const std::string& text : texts) {
    if (const auto other = find(text); other && !text.empty())
      fail(ErrorCode::bad_model, "tokenizer.ggml.tokens: tokens ", *other, " and ", ends_.size() - 1,
           " have the same text ", in_quotes(text));
    characters_.insert(characters_.end(), text.begin(), text.end());
    ends_.push_back(characters_.size());
    if (!text.empty()) by_text_.insert(detail::hash_text(text), static_cast<std::uint32_t>(ends_.size() - 2));
  }
}

LINNET_INLINE void Vocabulary::find_end_of_generation() {
  std::vector<Token>& ends = end_of_generation_;
  for (const std::string_view text : detail::end_of_generation_texts) {
    if (const auto token = find(text)) {
      ends.push_back(*token);
      kinds_[static_cast<std::size_t>(*token)] = TokenKind::control;  // some files call them normal
    }
  }
  // In the Harmony format <|end|> only ends a message; the turn goes on until <|return|> or <|call|>.
  if (const auto end = find("<|end|>"); end && find("<|return|>") && find("<|call|>"))
    ends.erase(std::remove(ends.begin(), ends.end(), *end), ends.end());
  for (const SpecialToken role :
       {SpecialToken::eos, SpecialToken::eot, SpecialToken::eom, SpecialToken::fim_padding,
        SpecialToken::fim_repository, SpecialToken::fim_separator})
    if (const auto token = special(role)) ends.push_back(*token);
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

LINNET_INLINE std::optional<Token> Vocabulary::find(std::string_view text) const noexcept {
  const auto found =
      by_text_.find(detail::hash_text(text), [&](std::uint32_t i) { return raw_text(i) == text; });
  if (!found) return std::nullopt;
  return static_cast<Token>(*found);
}

LINNET_INLINE bool Vocabulary::is_end_of_generation(Token token) const noexcept {
  return std::binary_search(end_of_generation_.begin(), end_of_generation_.end(), token);
}

LINNET_INLINE std::size_t Vocabulary::check(Token token) const {
  if (!contains(token))
    fail(ErrorCode::invalid_argument, "token ", token, " is not in the vocabulary of ", size(), " tokens");
  return static_cast<std::size_t>(token);
}

}  // namespace linnet
