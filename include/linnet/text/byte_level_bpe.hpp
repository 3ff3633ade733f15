// text/byte_level_bpe.hpp - GPT-2's BPE: merges the bytes of words by the ranks of pairs. Never sees special
// tokens.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/merge.hpp>
#include <linnet/text/pre_tokenizer.hpp>
#include <linnet/text/probe_table.hpp>
#include <linnet/text/vocabulary.hpp>

namespace linnet {

/// Bytes as the texts of byte-level vocabularies write them: one printable character per byte ("Ġ" for a
/// space).
std::string write_byte_level(std::string_view bytes);

/// Splits text between special tokens. Immutable. The Vocabulary of each call is the one that it was made
/// from.
class ByteLevelBpe {
 public:
  /// `merges` are "left right", by rank. Merges of which a part or the result is no token are left out, and a
  /// line is added to `warnings`. Errors: bad_model for a merge without two parts.
  ByteLevelBpe(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer,
               std::span<const std::string_view> merges, std::vector<std::string>& warnings);

  /// Appends the tokens of a text. Errors: as Tokenizer::encode.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& out) const;

  /// Appends the bytes that a token stands for.
  void append_piece(const Vocabulary& vocabulary, Token token, std::string& out) const;

 private:
  struct Pair {
    Token left, right, merged;
  };

  void add_merge(const Vocabulary& vocabulary, std::string_view text, std::size_t rank,
                 std::int64_t& without_tokens);
  Merge find_merge(Token left, Token right) const noexcept;
  void encode_word(const Vocabulary& vocabulary, std::string_view word, std::vector<Symbol>& symbols,
                   std::vector<Token>& out) const;

  const PreTokenizer* pre_tokenizer_;
  std::vector<Pair> pairs_;  // by rank
  ProbeTable by_parts_;
  std::array<Token, 256> byte_tokens_{};  // -1: none
  std::size_t longest_ = 0;               // bytes of the longest token text
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/byte_level_bpe.ipp>
#endif
