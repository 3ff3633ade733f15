// text/byte_level_bpe.ipp - the bodies of text/byte_level_bpe.hpp.
#pragma once

#include <algorithm>
#include <optional>

#include <linnet/base/printable.hpp>
#include <linnet/text/byte_level_bpe.hpp>
#include <linnet/text/unicode.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet {
namespace detail {

// GPT-2 writes each byte as a printable character: these as themselves, the others as U+0100 and up, in
// order.
constexpr bool is_written_as_itself(unsigned byte) noexcept {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct ByteLevelTable {
  std::array<char16_t, 256> characters{};
  std::array<std::int16_t, 0x144> bytes{};  // by character; -1: none

  constexpr ByteLevelTable() {
    bytes.fill(-1);
    char16_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      characters[byte] = is_written_as_itself(byte) ? static_cast<char16_t>(byte) : next++;
      bytes[characters[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};

inline constexpr ByteLevelTable byte_level_table;

// The token of a text, or -1; a control token is never made from text. Vocabularies have what merges make in
// the order of the merges, so that it mostly is what the last one made or the token behind: looked at first.
inline Token find_text(const Vocabulary& vocabulary, std::string_view text, Token last = -1) {
  const auto is_at = [&](Token token) {
    return vocabulary.contains(token) && vocabulary.text(token) == text;
  };
  const auto token = is_at(last + 1) ? last + 1 : is_at(last) ? last : vocabulary.find(text);
  return token && vocabulary.kind(*token) != TokenKind::control ? *token : -1;
}

inline std::uint64_t hash_pair(Token left, Token right) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace detail

LINNET_INLINE std::string write_byte_level(std::string_view bytes) {
  std::string out;
  for (const char c : bytes)
    append_utf8(out, detail::byte_level_table.characters[static_cast<std::uint8_t>(c)]);
  return out;
}

LINNET_INLINE ByteLevelBpe::ByteLevelBpe(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer,
                                         std::span<const std::string_view> merges,
                                         std::vector<std::string>& warnings)
    : pre_tokenizer_(&pre_tokenizer), by_parts_(merges.size()) {
  for (unsigned byte = 0; byte < 256; ++byte)
    byte_tokens_[byte] =
        detail::find_text(vocabulary, write_byte_level(std::string(1, static_cast<char>(byte))));
  for (Token token = 0; token < vocabulary.size(); ++token)
    longest_ = std::max(longest_, vocabulary.text(token).size());
  std::int64_t without_tokens = 0;
  pairs_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank)
    add_merge(vocabulary, merges[rank], rank, without_tokens);
  if (without_tokens > 0)
    warnings.push_back(concat("tokenizer.ggml.merges: ", without_tokens, " of ", merges.size(),
                              " merges name texts that are no tokens; they are left out"));
}

LINNET_INLINE void ByteLevelBpe::add_merge(const Vocabulary& vocabulary, std::string_view text,
                                           std::size_t rank, std::int64_t& without_tokens) {
  const std::size_t space = text.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == text.size())
    fail(ErrorCode::bad_model, "tokenizer.ggml.merges: merge ", rank, " is ", in_quotes(text),
         "; expected two texts with a space between them");
  const std::string_view left = text.substr(0, space);
  const std::string_view right = text.substr(space + 1);
  const Token last = pairs_.empty() ? -1 : pairs_.back().merged;
  const Pair pair = {detail::find_text(vocabulary, left), detail::find_text(vocabulary, right),
                     detail::find_text(vocabulary, concat(left, right), last)};
  if (pair.left < 0 || pair.right < 0 || pair.merged < 0) {
    ++without_tokens;
  } else if (find_merge(pair.left, pair.right).rank == Merge::none) {
    by_parts_.insert(detail::hash_pair(pair.left, pair.right), static_cast<std::uint32_t>(pairs_.size()));
    pairs_.push_back(pair);
  }
}

LINNET_INLINE Merge ByteLevelBpe::find_merge(Token left, Token right) const noexcept {
  if (left < 0 || right < 0) return {};
  const auto found = by_parts_.find(detail::hash_pair(left, right), [&](std::uint32_t i) {
    return pairs_[i].left == left && pairs_[i].right == right;
  });
  return found ? Merge{*found, pairs_[*found].merged} : Merge{};
}

LINNET_INLINE void ByteLevelBpe::encode(const Vocabulary& vocabulary, std::string_view text,
                                        std::vector<Token>& out) const {
  std::vector<Symbol> symbols;
  const std::string composed = pre_tokenizer_->composes ? compose(text) : std::string();
  split_words(pre_tokenizer_->scanners, pre_tokenizer_->composes ? composed : text,
              [&](std::string_view word) { encode_word(vocabulary, word, symbols, out); });
}

LINNET_INLINE void ByteLevelBpe::encode_word(const Vocabulary& vocabulary, std::string_view word,
                                             std::vector<Symbol>& symbols, std::vector<Token>& out) const {
  if (pre_tokenizer_->ignore_merges && word.size() <= longest_) {
    if (const Token whole = detail::find_text(vocabulary, write_byte_level(word)); whole >= 0) {
      out.push_back(whole);
      return;
    }
  }
  symbols.clear();
  for (std::uint32_t i = 0; i < word.size(); ++i)
    symbols.push_back({i, i + 1, byte_tokens_[static_cast<std::uint8_t>(word[i])]});
  merge_symbols(symbols,
                [&](const Symbol& left, const Symbol& right) { return find_merge(left.token, right.token); });
  for (const Symbol& symbol : symbols) {
    const Token token = symbol.token >= 0 ? symbol.token : vocabulary.unknown().value_or(-1);
    if (token < 0)
      fail(ErrorCode::bad_model, "tokenizer.ggml.tokens: there is no token for the byte ",
           int{static_cast<std::uint8_t>(word[symbol.begin])}, " and no unknown token");
    out.push_back(token);
  }
}

LINNET_INLINE void ByteLevelBpe::append_piece(const Vocabulary& vocabulary, Token token,
                                              std::string& out) const {
  const std::string_view text = vocabulary.text(token);
  if (vocabulary.kind(token) != TokenKind::normal) {
    out += text;
    return;
  }
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = read_code_point(text, at);
    const bool coded = c.valid && c.value < detail::byte_level_table.bytes.size() &&
                       detail::byte_level_table.bytes[c.value] >= 0;
    if (coded)
      out += static_cast<char>(detail::byte_level_table.bytes[c.value]);
    else
      out.append(text, at, c.length);
    at += c.length;
  }
}

}  // namespace linnet
