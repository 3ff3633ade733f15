// text/unicode.ipp - the bodies of text/unicode.hpp, over utf8proc's general categories.
#pragma once

#include <array>

#include <utf8proc.h>

#include <linnet/text/unicode.hpp>

namespace linnet {
namespace detail {

constexpr bool is_white_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

inline unsigned classify(char32_t c) noexcept {
  using namespace char_class;
  if (is_white_space(c)) return c == '\r' || c == '\n' ? space | newline : space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return letter | upper_word;
    case UTF8PROC_CATEGORY_LL:
      return letter | lower_word;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return letter | upper_word | lower_word;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return upper_word | lower_word;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return number;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return punctuation;
    default:
      return 0;
  }
}

}  // namespace detail

LINNET_INLINE unsigned classes_of(char32_t code_point) noexcept {
  static const auto ascii = [] {
    std::array<std::uint8_t, 128> table{};
    for (char32_t c = 0; c < table.size(); ++c) table[c] = static_cast<std::uint8_t>(detail::classify(c));
    return table;
  }();
  return code_point < ascii.size() ? ascii[code_point] : detail::classify(code_point);
}

LINNET_INLINE Character read_character(std::string_view text, std::size_t at) noexcept {
  const CodePoint point = read_code_point(text, at);
  return {point.value, point.length,
          point.valid ? static_cast<std::uint8_t>(classes_of(point.value)) : std::uint8_t{0}};
}

}  // namespace linnet
