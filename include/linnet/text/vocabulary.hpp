// text/vocabulary.hpp - the tokens of a model: texts, scores, kinds, special ids. Never splits a text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/error.hpp>
#include <linnet/gguf/metadata.hpp>
#include <linnet/text/probe_table.hpp>
#include <linnet/text/token.hpp>

namespace linnet {

/// The tokens that a file can give a role, one key each: special_token_keys.
enum class SpecialToken : std::uint8_t {
  bos,
  eos,
  eot,
  eom,
  unknown,
  separator,
  padding,
  mask,
  fim_prefix,
  fim_suffix,
  fim_middle,
  fim_padding,
  fim_repository,
  fim_separator,
};

/// The GGUF key of each SpecialToken, by its value. ("seperator" is how the format spells it.)
inline constexpr std::array<std::string_view, 14> special_token_keys = {
    "tokenizer.ggml.bos_token_id",     "tokenizer.ggml.eos_token_id",     "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",     "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.seperator_token_id",
    "tokenizer.ggml.padding_token_id", "tokenizer.ggml.mask_token_id",    "tokenizer.ggml.fim_pre_token_id",
    "tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.fim_pad_token_id",
    "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"};

/// What a Vocabulary is made of.
struct VocabularyData {
  std::vector<std::string> texts;  // by id; those that are not empty must differ
  std::vector<float> scores;       // as long as texts, or empty: all 0
  std::vector<TokenKind> kinds;    // as long as texts, or empty: all normal
  std::array<std::optional<Token>, special_token_keys.size()> special = {};  // by SpecialToken
  bool adds_bos = false;
  bool adds_eos = false;

  std::optional<Token>& operator[](SpecialToken role) { return special[static_cast<std::size_t>(role)]; }
};

/// The tokens of a model. Immutable. Functions that take a token throw Error(invalid_argument) for one that
/// is not in [0, size()).
class Vocabulary {
 public:
  /// Reads the tokenizer.ggml.* keys. Errors: bad_model, naming the key, for lists of different lengths, a
  /// kind or an id out of range, two tokens of one text, a score that is no number; unsupported for a
  /// tokenizer.ggml.model that is neither SentencePiece ("llama") nor byte-level BPE ("gpt2").
  /// Whether BOS comes before a text: by tokenizer.ggml.add_bos_token; where the key is missing, yes for
  /// SentencePiece, and as the pre-tokenizer's family does it for BPE.
  static Vocabulary from_metadata(const gguf::Metadata& metadata);

  /// As from_metadata, from plain data. Tokens whose texts mark an end of generation by the custom of the
  /// model families ("<|eot_id|>", "<|im_end|>", "<end_of_turn>", ...) become control tokens.
  explicit Vocabulary(VocabularyData data);

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(kinds_.size()); }
  bool contains(Token token) const noexcept { return token >= 0 && token < size(); }

  /// The text as the file writes it: in byte-level BPE one character per byte, in SentencePiece with U+2581
  /// for spaces. Valid as long as the Vocabulary.
  std::string_view text(Token token) const { return raw_text(check(token)); }
  TokenKind kind(Token token) const { return kinds_[check(token)]; }
  float score(Token token) const { return scores_[check(token)]; }

  /// The token of exactly this text. Cost: O(length of text).
  std::optional<Token> find(std::string_view text) const noexcept;

  /// The token with a role, if the vocabulary has one.
  std::optional<Token> special(SpecialToken role) const noexcept {
    return special_[static_cast<std::size_t>(role)];
  }
  std::optional<Token> bos() const noexcept { return special(SpecialToken::bos); }
  std::optional<Token> eos() const noexcept { return special(SpecialToken::eos); }
  std::optional<Token> eot() const noexcept { return special(SpecialToken::eot); }
  std::optional<Token> eom() const noexcept { return special(SpecialToken::eom); }
  std::optional<Token> unknown() const noexcept { return special(SpecialToken::unknown); }
  std::optional<Token> padding() const noexcept { return special(SpecialToken::padding); }

  /// Whether Tokenizer::encode puts BOS before and EOS after a text when it adds special tokens.
  bool adds_bos() const noexcept { return adds_bos_; }
  bool adds_eos() const noexcept { return adds_eos_; }

  /// Whether generation stops at this token. False outside the vocabulary.
  bool is_end_of_generation(Token token) const noexcept;
  /// All such tokens, rising.
  const std::vector<Token>& end_of_generation() const noexcept { return end_of_generation_; }

 private:
  void index_texts(const std::vector<std::string>& texts);
  void find_end_of_generation();
  std::size_t check(Token token) const;
  std::string_view raw_text(std::size_t i) const noexcept {
    return {characters_.data() + ends_[i], ends_[i + 1] - ends_[i]};
  }

  std::vector<char> characters_;   // all texts, one after the other
  std::vector<std::size_t> ends_;  // text i lies in [ends_[i], ends_[i + 1])
  std::vector<float> scores_;
  std::vector<TokenKind> kinds_;
  ProbeTable by_text_;
  std::array<std::optional<Token>, special_token_keys.size()> special_ = {};
  std::vector<Token> end_of_generation_;
  bool adds_bos_ = false;
  bool adds_eos_ = false;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/vocabulary.ipp>
#endif
