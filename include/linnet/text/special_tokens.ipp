// text/special_tokens.ipp - the bodies of text/special_tokens.hpp.
#pragma once

#include <algorithm>

#include <linnet/text/sentence_piece.hpp>
#include <linnet/text/special_tokens.hpp>
#include <linnet/text/unicode.hpp>

namespace linnet {

LINNET_INLINE SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, bool escaped_spaces,
                                           std::vector<std::string>& warnings)
    : escaped_spaces_(escaped_spaces) {
  // GGUF has no key for it, but the special tokens of Phi-3's own vocabulary, known by its placeholders, take
  // the white space after them along; these three do not.
  const bool phi3 = vocabulary.find("<|placeholder1|>").has_value();
  const auto keeps_space = [](std::string_view text) {
    return text == "<unk>" || text == "<s>" || text == "<|endoftext|>";
  };
  std::int64_t too_long = 0;
  for (Token token = 0; token < vocabulary.size(); ++token) {
    const TokenKind kind = vocabulary.kind(token);
    const bool control = kind == TokenKind::control || kind == TokenKind::unknown;
    if ((!control && kind != TokenKind::user_defined) || vocabulary.text(token).empty()) continue;
    const std::string_view text = vocabulary.text(token);
    if (text.size() > max_length) {
      ++too_long;
      continue;
    }
    const bool strips_right = phi3 && !keeps_space(text);
    if (escaped_spaces)
      insert(unescape_spaces(text), token, control, strips_right);
    else
      insert(text, token, control, strips_right);
  }
  if (too_long > 0)
    warnings.push_back(concat(too_long, " special tokens are longer than ", max_length,
                              " bytes; they are not found in text"));
}

LINNET_INLINE void SpecialTokens::insert(std::string_view text, Token token, bool control,
                                         bool strips_right) {
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint32_t& first = i == 0 ? first_[static_cast<std::uint8_t>(text[0])] : nodes_[at].child;
    std::uint32_t child = first;
    while (child != 0 && nodes_[child].byte != text[i]) child = nodes_[child].sibling;
    if (child == 0) {
      child = static_cast<std::uint32_t>(nodes_.size());
      const std::uint32_t sibling = std::exchange(first, child);
      nodes_.push_back({.byte = text[i], .sibling = sibling});
    }
    at = child;
  }
  if (nodes_[at].token >= 0) return;  // the same text with other spaces: the first stays
  nodes_[at].token = token;
  nodes_[at].control = control;
  nodes_[at].strips_right = strips_right;
}

LINNET_INLINE auto SpecialTokens::read(std::string_view text, std::size_t at) const noexcept -> Step {
  const bool is_space =
      text[at] == escaped_space[0] && text.substr(at, escaped_space.size()) == escaped_space;
  if (escaped_spaces_ && is_space) return {' ', escaped_space.size()};
  return {text[at], 1};
}

LINNET_INLINE auto SpecialTokens::match(std::string_view text, std::size_t at, bool control) const noexcept
    -> std::optional<Match> {
  std::optional<Match> longest;
  std::uint32_t node = first_[static_cast<std::uint8_t>(read(text, at).byte)];
  bool strips_right = false;
  for (std::size_t i = at; node != 0; node = nodes_[node].child) {
    const Step step = read(text, i);
    while (node != 0 && nodes_[node].byte != step.byte) node = nodes_[node].sibling;
    if (node == 0) break;
    i += step.length;
    if (nodes_[node].token >= 0 && (control || !nodes_[node].control)) {
      longest = Match{at, i, i, nodes_[node].token};
      strips_right = nodes_[node].strips_right;
    }
    if (i == text.size()) break;
  }
  while (longest && strips_right && longest->end < text.size()) {
    const Character next = read_character(text, longest->end);
    if (!next.is(char_class::space)) break;
    longest->end += next.length;
  }
  return longest;
}

template <class IsControlAt>
auto SpecialTokens::find_if(std::string_view text, std::size_t from, IsControlAt is_control_at) const noexcept
    -> std::optional<Match> {
  for (std::size_t at = from; at < text.size(); ++at)
    if (first_[static_cast<std::uint8_t>(read(text, at).byte)] != 0)
      if (const auto found = match(text, at, is_control_at(at))) return found;
  return std::nullopt;
}

LINNET_INLINE auto SpecialTokens::find(std::string_view text, std::size_t from, bool control) const noexcept
    -> std::optional<Match> {
  return find_if(text, from, [&](std::size_t) { return control; });
}

LINNET_INLINE auto SpecialTokens::find(std::string_view text, std::size_t from,
                                       std::span<const std::size_t> control_at) const noexcept
    -> std::optional<Match> {
  return find_if(text, from, [&](std::size_t at) {
    return std::binary_search(control_at.begin(), control_at.end(), at);
  });
}

}  // namespace linnet
