// text/pre_tokenizer.ipp - one linear scanner for each published regular expression of the model families.
#pragma once

#include <algorithm>

#include <linnet/text/pre_tokenizer.hpp>
#include <linnet/text/unicode.hpp>

// How the scanners read the expressions: [^\s\p{L}\p{N}] are the "symbols", marks, controls and unassigned
// characters and bytes that are no UTF-8 included. Alternatives are tried in the order of the expression;
// where greedy matching would have to give characters back, the place to go back to is kept while the run is
// read.

namespace linnet {
namespace detail {

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

/// [ ]?[^\s\p{L}\p{N}]+, or `at` where there are none.
inline std::size_t symbols_end(std::string_view text, std::size_t at) noexcept {
  const std::size_t first = text[at] == ' ' ? at + 1 : at;
  const std::size_t end = run_end(text, first, is_symbol);
  return end > first ? end : at;
}

/// GPT-2:
///   's|'t|'re|'ve|'m|'ll|'d|[ ]?\p{L}+|[ ]?\p{N}+|[ ]?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
inline std::size_t scan_gpt2(std::string_view text, std::size_t at) noexcept {
  if (const std::size_t end = contraction_end(text, at, false); end > at) return end;
  const std::size_t first = text[at] == ' ' && at + 1 < text.size() ? at + 1 : at;
  const Character c = read_character(text, first);
  if (c.is(char_class::letter)) return run_end(text, first, IsAny{char_class::letter});
  if (c.is(char_class::number)) return run_end(text, first, IsAny{char_class::number});
  if (is_symbol(c)) return run_end(text, first, is_symbol);
  return white_space_end(text, at, false);
}

/// Llama 3 (three digits), Qwen 2 (one):
///   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
///   [ ]?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
template <std::size_t digits>
std::size_t scan_llama3(std::string_view text, std::size_t at) noexcept {
  if (const std::size_t end = contraction_end(text, at, true); end > at) return end;
  const Character c = read_character(text, at);
  const std::size_t letters = is_word_prefix(c) ? at + c.length : at;
  if (const std::size_t end = run_end(text, letters, IsAny{char_class::letter}); end > letters) return end;
  if (c.is(char_class::number)) return run_end(text, at, IsAny{char_class::number}, digits);
  if (const std::size_t end = symbols_end(text, at); end > at) return line_ends_end(text, end, false);
  return white_space_end(text, at, true);
}

// In the words of GPT-4o and Tekken, U is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and L is [\p{Ll}\p{Lm}\p{Lo}\p{M}].

/// U*L+ from `at`, or `at`. Where no Ll follows the first run, the second one needs a character of it: the
/// last that belongs to both.
inline std::size_t lower_word_end(std::string_view text, std::size_t at, std::size_t& upper_end) noexcept {
  std::size_t last_of_both = at;  // after it
  for (upper_end = at; upper_end < text.size();) {
    const Character c = read_character(text, upper_end);
    if (!c.is(char_class::upper_word)) break;
    upper_end += c.length;
    if (c.is(char_class::lower_word)) last_of_both = upper_end;
  }
  const std::size_t end = run_end(text, upper_end, IsAny{char_class::lower_word});
  return end > upper_end ? end : last_of_both;
}

/// [^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*, or `at`.
inline std::size_t cased_word_end(std::string_view text, std::size_t at) noexcept {
  const Character c = read_character(text, at);
  const std::size_t word = is_word_prefix(c) ? at + c.length : at;
  std::size_t upper_end = at;
  if (const std::size_t end = lower_word_end(text, word, upper_end); end > word) return end;
  // A mark may be the prefix or the word: as the prefix it has no L+ after it, so it is the word.
  if (word > at && c.is(char_class::lower_word)) return word;
  return upper_end > word ? upper_end : at;
}

/// GPT-4o (three digits, contractions end words):
///   [^\r\n\p{L}\p{N}]?U*L+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
///   [^\r\n\p{L}\p{N}]?U+L*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|
///   [ ]?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// and Tekken (one digit, no contractions).
template <std::size_t digits, bool contractions>
std::size_t scan_cased(std::string_view text, std::size_t at) noexcept {
  if (const std::size_t end = cased_word_end(text, at); end > at)
    return contractions ? contraction_end(text, end, true) : end;
  if (read_character(text, at).is(char_class::number))
    return run_end(text, at, IsAny{char_class::number}, digits);
  if (const std::size_t end = symbols_end(text, at); end > at) return line_ends_end(text, end, true);
  return white_space_end(text, at, true);
}

/// Runs of what `belongs`, and runs of what does not.
template <class Belongs>
std::size_t scan_runs(std::string_view text, std::size_t at, const Belongs& belongs) noexcept {
  const bool first = belongs(read_character(text, at));
  return run_end(text, at, [&](Character c) noexcept { return belongs(c) == first; });
}

/// \p{N}
inline std::size_t scan_single_numbers(std::string_view text, std::size_t at) noexcept {
  const Character c = read_character(text, at);
  if (c.is(char_class::number)) return at + c.length;
  return run_end(text, at, [](Character next) noexcept { return !next.is(char_class::number); });
}

/// \p{N}+
inline std::size_t scan_numbers(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, IsAny{char_class::number});
}

/// [\p{P}$+<=>^~|]+
inline std::size_t scan_punctuation(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, [](Character c) noexcept {
    constexpr std::string_view more = "$+<=>^~|";
    return c.is(char_class::punctuation) ||
           (c.value < 0x80 && more.find(static_cast<char>(c.value)) != std::string_view::npos);
  });
}

/// [0-9][0-9][0-9]
inline std::size_t scan_three_digits(std::string_view text, std::size_t at) noexcept {
  std::size_t digits = 0;  // in a row, before i
  for (std::size_t i = at; i < text.size(); ++i) {
    digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
    if (digits == 3) return i - 2 > at ? i - 2 : i + 1;
  }
  return text.size();
}

inline constexpr WordScanner gpt2_scanners[] = {scan_gpt2};
inline constexpr WordScanner llama3_scanners[] = {scan_llama3<3>};
inline constexpr WordScanner qwen2_scanners[] = {scan_llama3<1>};
inline constexpr WordScanner gpt4o_scanners[] = {scan_cased<3, true>};
inline constexpr WordScanner tekken_scanners[] = {scan_cased<1, false>};
inline constexpr WordScanner smollm_scanners[] = {scan_single_numbers, scan_gpt2};
inline constexpr WordScanner default_scanners[] = {scan_punctuation, scan_gpt2, scan_numbers,
                                                   scan_three_digits};

inline constexpr PreTokenizer pre_tokenizer_table[] = {
    {"default", default_scanners},
    {"llama-bpe", llama3_scanners, true, true},
    {"llama3", llama3_scanners, true, true},
    {"llama-v3", llama3_scanners, true, true},
    {"falcon3", llama3_scanners, true, true},
    {"falcon-h1", llama3_scanners, true, true},
    {"pixtral", llama3_scanners, true, true},
    {"lfm2", llama3_scanners, true, true},
    {"dbrx", llama3_scanners},
    {"smaug-bpe", llama3_scanners},
    {"chatglm-bpe", llama3_scanners},
    {"qwen2", qwen2_scanners, false, false, true},
    {"deepseek-r1-qwen", qwen2_scanners},
    {"megrez", qwen2_scanners},
    {"stablelm2", qwen2_scanners},
    {"hunyuan", qwen2_scanners},
    {"gpt-2", gpt2_scanners},
    {"phi-2", gpt2_scanners},
    {"mpt", gpt2_scanners},
    {"olmo", gpt2_scanners},
    {"jais", gpt2_scanners},
    {"exaone4", gpt2_scanners},
    {"smollm", smollm_scanners},
    {"starcoder", smollm_scanners},
    {"refact", smollm_scanners},
    {"command-r", smollm_scanners},
    {"codeshell", smollm_scanners},
    {"exaone", smollm_scanners},
    {"minerva-7b", smollm_scanners},
    {"gpt-4o", gpt4o_scanners},
    {"llama4", gpt4o_scanners},
    {"tekken", tekken_scanners, true, true},
};

}  // namespace detail

LINNET_INLINE std::span<const PreTokenizer> pre_tokenizers() noexcept { return detail::pre_tokenizer_table; }

LINNET_INLINE const PreTokenizer* find_pre_tokenizer(std::string_view name) noexcept {
  const auto found =
      std::find_if(std::begin(detail::pre_tokenizer_table), std::end(detail::pre_tokenizer_table),
                   [&](const PreTokenizer& row) { return row.name == name; });
  return found == std::end(detail::pre_tokenizer_table) ? nullptr : found;
}

}  // namespace linnet
