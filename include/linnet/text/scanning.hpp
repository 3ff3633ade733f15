// text/scanning.hpp - what the scanners of pre-tokenizers are made of: runs of characters, white space,
// contractions. Never knows a model family.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <linnet/text/unicode.hpp>

// How the scanners read the expressions: [^\s\p{L}\p{N}] are the "symbols", marks, controls and unassigned
// characters and bytes that are no UTF-8 included. Of classes that are named, controls, unassigned characters
// and such bytes belong to none. Alternatives are tried in the order of the expression; where greedy matching
// would have to give characters back, the place to go back to is kept while the run is read. What lies
// between the matches of an expression is a word, too.

namespace linnet::detail {

inline constexpr unsigned no_symbol = char_class::letter | char_class::number | char_class::space;

struct IsAny {
  unsigned classes;
  bool operator()(Character c) const noexcept { return c.is(classes); }
};

inline bool is_symbol(Character c) noexcept { return !c.is(no_symbol); }

// [^\r\n\p{L}\p{N}]: what may stand before the letters of a word.
inline bool is_word_prefix(Character c) noexcept {
  return !c.is(char_class::newline | char_class::letter | char_class::number);
}

/// The end of the longest run of characters from `at` for which `belongs` holds, of at most `most`
/// characters.
template <class Belongs>
std::size_t run_end(std::string_view text, std::size_t at, const Belongs& belongs,
                    std::size_t most = SIZE_MAX) noexcept {
  for (; at < text.size() && most > 0; --most) {
    const Character c = read_character(text, at);
    if (!belongs(c)) break;
    at += c.length;
  }
  return at;
}

/// The end of 's 't 're 've 'm 'll 'd at `at`, or `at` where there is none. Ignoring case is Unicode's:
/// U+017F is an s.
inline std::size_t contraction_end(std::string_view text, std::size_t at, bool ignore_case) noexcept {
  if (at >= text.size() || text[at] != '\'') return at;
  const auto letter = [&](std::size_t i) -> char {
    if (i >= text.size()) return 0;
    if (!ignore_case) return text[i];
    if (text.substr(i, 2) == "\u017f") return 's';
    return text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
  };
  const char first = letter(at + 1);
  const char second = letter(at + 2);
  if (first == 's') return at + (static_cast<unsigned char>(text[at + 1]) == 0xc5 ? 3 : 2);
  if (first == 't' || first == 'm' || first == 'd') return at + 2;
  if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
  if (first == 'l' && second == 'l') return at + 3;
  return at;
}

/// \s+(?!\S)|\s+ from white space: its whole run where the text ends with it, else all but its last
/// character, which belongs to what follows, unless it is alone. With `lines`, \s*[\r\n]+ first: the run up
/// to its last line end.
inline std::size_t white_space_end(std::string_view text, std::size_t at, bool lines) noexcept {
  std::size_t end = at;
  std::size_t last = at;        // where the last character begins
  std::size_t after_line = at;  // after the last line end
  while (end < text.size()) {
    const Character c = read_character(text, end);
    if (!c.is(char_class::space)) break;
    last = end;
    end += c.length;
    if (c.is(char_class::newline)) after_line = end;
  }
  if (lines && after_line > at) return after_line;
  return end < text.size() && last > at ? last : end;
}

/// Where the white space after a symbol ends that goes with it: [\r\n]*, for some with slashes.
inline std::size_t line_ends_end(std::string_view text, std::size_t at, bool slashes) noexcept {
  while (at < text.size() && (text[at] == '\r' || text[at] == '\n' || (slashes && text[at] == '/'))) ++at;
  return at;
}

/// [ ]? and a run of what `belongs`, or `at` where there is none.
template <class Belongs>
std::size_t spaced_run_end(std::string_view text, std::size_t at, const Belongs& belongs) noexcept {
  const std::size_t first = text[at] == ' ' ? at + 1 : at;
  const std::size_t end = run_end(text, first, belongs);
  return end > first ? end : at;
}

/// The same with \s? before the run.
template <class Belongs>
std::size_t white_spaced_run_end(std::string_view text, std::size_t at, const Belongs& belongs) noexcept {
  // White space may belong to the run itself.
  if (const std::size_t end = run_end(text, at, belongs); end > at) return end;
  const std::size_t first = run_end(text, at, IsAny{char_class::space}, 1);
  const std::size_t end = run_end(text, first, belongs);
  return end > first ? end : at;
}

/// What match_end(at) finds, which gives back `at` where that is nothing, and what is between.
template <class MatchEnd>
std::size_t scan_matches(std::string_view text, std::size_t at, const MatchEnd& match_end) noexcept {
  if (const std::size_t end = match_end(at); end > at) return end;
  do at += read_character(text, at).length;
  while (at < text.size() && match_end(at) == at);
  return at;
}

/// Runs of what `belongs`, and runs of what does not.
template <class Belongs>
std::size_t scan_runs(std::string_view text, std::size_t at, const Belongs& belongs) noexcept {
  const bool first = belongs(read_character(text, at));
  return run_end(text, at, [&](Character c) noexcept { return belongs(c) == first; });
}

/// \p{N}, [\r\n]
template <unsigned classes>
std::size_t scan_single(std::string_view text, std::size_t at) noexcept {
  const Character c = read_character(text, at);
  if (c.is(classes)) return at + c.length;
  return run_end(text, at, [](Character next) noexcept { return !next.is(classes); });
}

}  // namespace linnet::detail
