// text/sentence_piece.hpp - SentencePiece's BPE: merges characters by the scores of tokens. Never sees
// special tokens.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/merge.hpp>
#include <linnet/text/vocabulary.hpp>

namespace linnet {

/// U+2581, which stands for a space in the texts of the vocabulary.
inline constexpr std::string_view escaped_space = "\xe2\x96\x81";

/// The text with U+2581 for spaces, and back.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view text);

/// Splits text between special tokens. Immutable. The Vocabulary of each call is the one that it was made
/// from.
class SentencePiece {
 public:
  /// Errors: bad_model for a byte token that is not <0xHH>, and a score that is no number.
  SentencePiece(const Vocabulary& vocabulary, bool add_space_prefix);

  bool adds_space_prefix() const noexcept { return add_space_prefix_; }

  /// Appends the tokens of a text, which may not be empty. Of all neighbours whose joined text is a token,
  /// those with the highest score merge first. What is no token in the end is written in byte tokens; a run
  /// without them is one unknown token. Errors: as Tokenizer::encode.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& out) const;

  /// Appends the bytes that a normal, unused, user-defined or byte token stands for.
  void append_piece(const Vocabulary& vocabulary, Token token, std::string& out) const;

 private:
  std::size_t word_end(std::string_view escaped, std::size_t at) const noexcept;
  void encode_word(const Vocabulary& vocabulary, std::string_view word, std::vector<Symbol>& symbols,
                   std::vector<Token>& out) const;
  void append_bytes(const Vocabulary& vocabulary, std::string_view bytes, std::vector<Token>& out) const;

  std::vector<std::uint32_t> ranks_;  // by token: 0 for the highest score; Merge::none: never made by merging
  std::array<Token, 256> byte_tokens_{};  // -1: none
  std::size_t longest_ = 0;               // bytes of the longest token that merging makes
  bool add_space_prefix_;
  bool spaces_begin_words_ = true;  // no token has a space after another character
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/sentence_piece.ipp>
#endif
