// text/sentence_piece.ipp - the bodies of text/sentence_piece.hpp.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>

#include <linnet/base/printable.hpp>
#include <linnet/text/sentence_piece.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet {
namespace detail {

// The byte of the text "<0xHH>", of exactly two hexadecimal digits.
inline std::optional<std::uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'A' && c <= 'F') && !(c >= 'a' && c <= 'f')) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return static_cast<std::uint8_t>(value);
}

// Whether text becomes such a token by merging. All others are made in one way only: by being found whole, or
// as bytes.
inline bool is_merged(TokenKind kind) noexcept {
  return kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::unused;
}

// For each token the place of its score among all scores, from the highest.
inline std::vector<std::uint32_t> rank_scores(const Vocabulary& vocabulary) {
  std::vector<float> scores;
  for (Token token = 0; token < vocabulary.size(); ++token)
    if (is_merged(vocabulary.kind(token))) scores.push_back(vocabulary.score(token));
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<std::uint32_t> ranks(static_cast<std::size_t>(vocabulary.size()), Merge::none);
  for (Token token = 0; token < vocabulary.size(); ++token)
    if (is_merged(vocabulary.kind(token)))
      ranks[static_cast<std::size_t>(token)] = static_cast<std::uint32_t>(
          std::lower_bound(scores.begin(), scores.end(), vocabulary.score(token), std::greater<>()) -
          scores.begin());
  return ranks;
}

inline std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  for (std::size_t found; (found = text.find(from, at)) != std::string_view::npos; at = found + from.size())
    out.append(text, at, found - at).append(to);
  return out.append(text, at);
}

}  // namespace detail

LINNET_INLINE std::string escape_spaces(std::string_view text) {
  return detail::replace_all(text, " ", escaped_space);
}
LINNET_INLINE std::string unescape_spaces(std::string_view text) {
  return detail::replace_all(text, escaped_space, " ");
}

LINNET_INLINE SentencePiece::SentencePiece(const Vocabulary& vocabulary, bool add_space_prefix)
    : ranks_(detail::rank_scores(vocabulary)), add_space_prefix_(add_space_prefix) {
  byte_tokens_.fill(-1);
  for (Token token = 0; token < vocabulary.size(); ++token) {
    const std::string_view text = vocabulary.text(token);
    if (vocabulary.kind(token) == TokenKind::byte) {
      const auto byte = detail::parse_byte_token(text);
      if (!byte)
        fail(ErrorCode::bad_model, "tokenizer.ggml.tokens: token ", token,
             " is of kind byte, but its text is ", in_quotes(text), ", not <0xHH>");
      if (byte_tokens_[*byte] < 0) byte_tokens_[*byte] = token;
    } else if (detail::is_merged(vocabulary.kind(token))) {
      longest_ = std::max(longest_, text.size());
      const std::size_t letters = text.find_first_not_of(escaped_space);
      if (text.find(escaped_space, std::min(letters, text.size())) != std::string_view::npos)
        spaces_begin_words_ = false;
    }
  }
}

LINNET_INLINE void SentencePiece::encode(const Vocabulary& vocabulary, std::string_view text,
                                         std::vector<Token>& out) const {
  const std::string escaped = escape_spaces(text);
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < escaped.size();) {
    const std::size_t end = word_end(escaped, at);
    encode_word(vocabulary, std::string_view(escaped).substr(at, end - at), symbols, out);
    at = end;
  }
}

// Where no token has a space after another character, no merge reaches over such a place, and the words on
// both sides are merged alone: the same tokens, of short lists.
LINNET_INLINE std::size_t SentencePiece::word_end(std::string_view escaped, std::size_t at) const noexcept {
  if (!spaces_begin_words_) return escaped.size();
  while (escaped.substr(at, escaped_space.size()) == escaped_space) at += escaped_space.size();
  return std::min(escaped.find(escaped_space, at), escaped.size());
}

LINNET_INLINE void SentencePiece::encode_word(const Vocabulary& vocabulary, std::string_view word,
                                              std::vector<Symbol>& symbols, std::vector<Token>& out) const {
  const auto token_of = [&](std::uint32_t begin, std::uint32_t end) -> Token {
    const auto token = vocabulary.find(word.substr(begin, end - begin));
    return token && ranks_[static_cast<std::size_t>(*token)] != Merge::none ? *token : -1;
  };
  symbols.clear();
  for (std::uint32_t at = 0; at < word.size();) {
    const std::uint32_t end = at + read_code_point(word, at).length;
    symbols.push_back({at, end, token_of(at, end)});
    at = end;
  }
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) -> Merge {
    if (right.end - left.begin > longest_) return {};
    const Token token = token_of(left.begin, right.end);
    if (token < 0) return {};
    return {ranks_[static_cast<std::size_t>(token)], token};
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.token >= 0)
      out.push_back(symbol.token);
    else
      append_bytes(vocabulary, word.substr(symbol.begin, symbol.end - symbol.begin), out);
  }
}

LINNET_INLINE void SentencePiece::append_bytes(const Vocabulary& vocabulary, std::string_view bytes,
                                               std::vector<Token>& out) const {
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte_tokens_[byte] >= 0) {
      out.push_back(byte_tokens_[byte]);
    } else if (const auto unknown = vocabulary.unknown()) {
      if (out.empty() || out.back() != *unknown) out.push_back(*unknown);
    } else {
      fail(ErrorCode::bad_model, "tokenizer.ggml.tokens: there is no token for the byte ", int{byte},
           " and no unknown token");
    }
  }
}

LINNET_INLINE void SentencePiece::append_piece(const Vocabulary& vocabulary, Token token,
                                               std::string& out) const {
  const std::string_view text = vocabulary.text(token);
  if (vocabulary.kind(token) == TokenKind::byte)
    out += static_cast<char>(*detail::parse_byte_token(text));
  else
    out += unescape_spaces(text);
}

}  // namespace linnet
