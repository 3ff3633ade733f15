// text/deepseek_scanners.hpp - one linear scanner for each expression of DeepSeek's models.
#pragma once

#include <cstddef>
#include <string_view>

#include <linnet/text/deepseek_letters.hpp>
#include <linnet/text/scanning.hpp>

namespace linnet::detail {

/// DeepSeek LLM: \s?[A-Za-z...]+
inline std::size_t scan_deepseek_letters(std::string_view text, std::size_t at) noexcept {
  return scan_matches(text, at, [&](std::size_t i) noexcept {
    return white_spaced_run_end(text, i, [](Character c) noexcept {
      return c.is(char_class::letter) && is_deepseek_letter(c.value);
    });
  });
}

/// DeepSeek LLM: \s?[!-/:-~！-／：-～‘-‟　-。]+, in which are ASCII's letters.
inline std::size_t scan_deepseek_symbols(std::string_view text, std::size_t at) noexcept {
  const auto belongs = [](Character c) noexcept {
    const auto in = [&](char32_t first, char32_t last) { return c.value >= first && c.value <= last; };
    return in('!', '/') || in(':', '~') || in(0xff01, 0xff0f) || in(0xff1a, 0xff5e) || in(0x2018, 0x201f) ||
           in(0x3000, 0x3002);
  };
  return scan_matches(text, at,
                      [&](std::size_t i) noexcept { return white_spaced_run_end(text, i, belongs); });
}

/// DeepSeek LLM: \s+$
inline std::size_t scan_last_white_space(std::string_view text, std::size_t at) noexcept {
  std::size_t last = at;  // where white space begins after which nothing comes
  for (std::size_t i = at; i < text.size();) {
    const Character c = read_character(text, i);
    i += c.length;
    if (!c.is(char_class::space)) last = i;
  }
  return last > at ? last : text.size();
}

/// DeepSeek Coder: \s?\p{L}+, \s?\p{P}+
template <unsigned classes>
std::size_t scan_white_spaced(std::string_view text, std::size_t at) noexcept {
  return scan_matches(text, at,
                      [&](std::size_t i) noexcept { return white_spaced_run_end(text, i, IsAny{classes}); });
}

/// DeepSeek LLM and Coder: [一-龥ࠀ-一가-퟿]+, of which the second range ends where the first begins.
inline std::size_t scan_deepseek_han(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, [](Character c) noexcept {
    return (c.value >= 0x800 && c.value <= 0x9fa5) || (c.value >= 0xac00 && c.value <= 0xd7ff);
  });
}

/// DeepSeek V3, first: \p{N}{1,3}
inline std::size_t scan_three_numbers(std::string_view text, std::size_t at) noexcept {
  if (read_character(text, at).is(char_class::number)) return run_end(text, at, IsAny{char_class::number}, 3);
  return scan_runs(text, at, IsAny{char_class::number});
}

/// DeepSeek V3, then: [一-龥぀-ゟ゠-ヿ]+
inline std::size_t scan_han_and_kana(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, [](Character c) noexcept {
    return (c.value >= 0x4e00 && c.value <= 0x9fa5) || (c.value >= 0x3040 && c.value <= 0x30ff);
  });
}

/// DeepSeek V3, last:
///   [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
///   [ ]?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// Before its first bracket are all of ASCII's \p{P} and \p{S}.
inline std::size_t scan_deepseek3(std::string_view text, std::size_t at) noexcept {
  using namespace char_class;
  return scan_matches(text, at, [&](std::size_t i) noexcept {
    const Character c = read_character(text, i);
    if (c.value < 0x80 && c.is(punctuation | symbol)) {
      const auto is_ascii_letter = [](Character next) noexcept {
        return next.value < 0x80 && next.is(letter);
      };
      if (const std::size_t end = run_end(text, i + 1, is_ascii_letter); end > i + 1) return end;
    }
    // A mark may stand before the word or be of it: the word ends at the same place.
    constexpr unsigned of_word = upper_word | lower_word;
    const std::size_t word = c.is(newline | punctuation | symbol | of_word) ? i : i + c.length;
    if (const std::size_t end = run_end(text, word, IsAny{of_word}); end > word) return end;
    if (const std::size_t end = spaced_run_end(text, i, IsAny{punctuation | symbol}); end > i)
      return line_ends_end(text, end, false);
    return c.is(space) ? white_space_end(text, i, true) : i;
  });
}

}  // namespace linnet::detail
