// text/pre_tokenizer.ipp - one linear scanner for each published regular expression of the model families.
#pragma once

#include <algorithm>

#include <linnet/text/deepseek_scanners.hpp>
#include <linnet/text/pre_tokenizer.hpp>
#include <linnet/text/scanning.hpp>

namespace linnet {
namespace detail {

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
/// and Seed-Coder (one, no line ends with symbols).
template <std::size_t digits, bool line_ends = true>
std::size_t scan_llama3(std::string_view text, std::size_t at) noexcept {
  if (const std::size_t end = contraction_end(text, at, true); end > at) return end;
  const Character c = read_character(text, at);
  const std::size_t letters = is_word_prefix(c) ? at + c.length : at;
  if (const std::size_t end = run_end(text, letters, IsAny{char_class::letter}); end > letters) return end;
  if (c.is(char_class::number)) return run_end(text, at, IsAny{char_class::number}, digits);
  if (const std::size_t end = spaced_run_end(text, at, is_symbol); end > at)
    return line_ends ? line_ends_end(text, end, false) : end;
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
  if (const std::size_t end = spaced_run_end(text, at, is_symbol); end > at)
    return line_ends_end(text, end, true);
  return white_space_end(text, at, true);
}

/// \p{N}+
inline std::size_t scan_numbers(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, IsAny{char_class::number});
}

/// [\p{P}$+<=>^~|]+, or with the last of ASCII's symbols, the backtick.
template <bool backtick>
std::size_t scan_punctuation(std::string_view text, std::size_t at) noexcept {
  return scan_runs(text, at, [](Character c) noexcept {
    return c.is(char_class::punctuation) ||
           (c.value < 0x80 && c.is(char_class::symbol) && (backtick || c.value != '`'));
  });
}

/// Falcon: \p{N}+ in what GPT-2 writes for bytes. Some of those within characters are written as ² ³ ¹ ¼ ½ ¾.
inline std::size_t scan_numeric_bytes(std::string_view text, std::size_t at) noexcept {
  const auto is_number = [](char c) noexcept {
    return (c >= '0' && c <= '9') ||
           std::string_view("\xb2\xb3\xb9\xbc\xbd\xbe").find(c) != std::string_view::npos;
  };
  const bool first = is_number(text[at]);
  while (++at < text.size() && is_number(text[at]) == first) {
  }
  return at;
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

/// BLOOM: [ ]?[^(\s|.,!?…。，、।۔،)]+
inline std::size_t scan_bloom(std::string_view text, std::size_t at) noexcept {
  const auto belongs = [](Character c) noexcept {
    constexpr std::u32string_view others = U"(|.,!?…。，、।۔،)";
    return !c.is(char_class::space) && others.find(c.value) == others.npos;
  };
  return scan_matches(text, at, [&](std::size_t i) noexcept { return spaced_run_end(text, i, belongs); });
}

inline constexpr WordScanner gpt2_scanners[] = {scan_gpt2};
inline constexpr WordScanner llama3_scanners[] = {scan_llama3<3>};
inline constexpr WordScanner qwen2_scanners[] = {scan_llama3<1>};
inline constexpr WordScanner gpt4o_scanners[] = {scan_cased<3, true>};
inline constexpr WordScanner tekken_scanners[] = {scan_cased<1, false>};
inline constexpr WordScanner smollm_scanners[] = {scan_single<char_class::number>, scan_gpt2};
inline constexpr WordScanner default_scanners[] = {scan_punctuation<false>, scan_gpt2, scan_numbers,
                                                   scan_three_digits};
inline constexpr WordScanner falcon_scanners[] = {scan_punctuation<true>, scan_gpt2, scan_numeric_bytes,
                                                  scan_three_digits};
inline constexpr WordScanner deepseek_llm_scanners[] = {scan_single<char_class::newline>,
                                                        scan_deepseek_letters,
                                                        scan_deepseek_symbols,
                                                        scan_last_white_space,
                                                        scan_deepseek_han,
                                                        scan_single<char_class::number>};
inline constexpr WordScanner deepseek_coder_scanners[] = {
    scan_single<char_class::newline>, scan_white_spaced<char_class::letter>,
    scan_white_spaced<char_class::punctuation>, scan_deepseek_han, scan_single<char_class::number>};
inline constexpr WordScanner deepseek3_scanners[] = {scan_three_numbers, scan_han_and_kana, scan_deepseek3};
inline constexpr WordScanner seed_coder_scanners[] = {scan_llama3<1, false>};
inline constexpr WordScanner bloom_scanners[] = {scan_bloom};
inline constexpr WordScanner viking_scanners[] = {scan_bloom, scan_single<char_class::number>};

inline constexpr PreTokenizer pre_tokenizer_table[] = {
    {"default", default_scanners},
    {"falcon", falcon_scanners},
    {"llama-bpe", llama3_scanners, true, true},
    {"llama3", llama3_scanners, true, true},
    {"llama-v3", llama3_scanners, true, true},
    {"falcon3", llama3_scanners, true, true},
    {"falcon-h1", llama3_scanners, true, true},
    {"pixtral", llama3_scanners, true, true},
    {"lfm2", llama3_scanners, true, true},
    {"midm-2.0", llama3_scanners, true, true},
    {"jina-v5-nano", llama3_scanners, true, true},
    {"dbrx", llama3_scanners},
    {"smaug-bpe", llama3_scanners},
    {"chatglm-bpe", llama3_scanners},
    {"glm4", llama3_scanners},
    {"qwen2", qwen2_scanners, false, false, true},
    {"deepseek-r1-qwen", qwen2_scanners},
    {"megrez", qwen2_scanners},
    {"stablelm2", qwen2_scanners},
    {"hunyuan", qwen2_scanners},
    {"kormo", qwen2_scanners},
    {"openpangu", qwen2_scanners},
    {"f2llmv2", qwen2_scanners},
    {"solar-open", qwen2_scanners},
    {"gpt-2", gpt2_scanners},
    {"phi-2", gpt2_scanners},
    {"mpt", gpt2_scanners},
    {"olmo", gpt2_scanners},
    {"jais", gpt2_scanners},
    {"exaone4", gpt2_scanners},
    {"trillion", gpt2_scanners},
    {"granite-docling", gpt2_scanners},
    {"jina-es", gpt2_scanners},
    {"jina-de", gpt2_scanners},
    {"jina-v2-es", gpt2_scanners},
    {"jina-v2-de", gpt2_scanners},
    {"gigachat", gpt2_scanners},
    {"a.x-4.0", gpt2_scanners},
    {"mellum", gpt2_scanners},
    {"modern-bert", gpt2_scanners},
    {"smollm", smollm_scanners},
    {"starcoder", smollm_scanners},
    {"refact", smollm_scanners},
    {"command-r", smollm_scanners},
    {"codeshell", smollm_scanners},
    {"exaone", smollm_scanners},
    {"minerva-7b", smollm_scanners},
    {"mellum2", smollm_scanners},
    {"cohere2_moe", smollm_scanners},
    {"gpt-4o", gpt4o_scanners},
    {"llama4", gpt4o_scanners},
    {"kanana2", gpt4o_scanners},
    {"tekken", tekken_scanners, true, true},
    {"deepseek-llm", deepseek_llm_scanners},
    {"deepseek-coder", deepseek_coder_scanners},
    {"deepseek-v3", deepseek3_scanners},
    {"hunyuan-dense", deepseek3_scanners},
    {"joyai-llm", deepseek3_scanners},
    {"seed-coder", seed_coder_scanners},
    {"viking", viking_scanners},
    {"bloom", bloom_scanners},
    {"poro-chat", bloom_scanners},
    {"gpt3-finnish", bloom_scanners},
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
