// text/unicode.ipp - the bodies of text/unicode.hpp, over utf8proc's general categories.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

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
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return symbol;
    default:
      return 0;
  }
}

/// Where the characters end that may join with each other: the one at `at`, and all but ASCII after it.
inline std::size_t joining_end(std::string_view text, std::size_t at) noexcept {
  bool valid = true;
  for (std::size_t end = at; end < text.size();) {
    const CodePoint point = read_code_point(text, end);
    if (end > at && (!valid || !point.valid || point.value < 0x80)) return end;
    valid = point.valid;
    end += point.length;
  }
  return text.size();
}

inline void decompose(std::string_view text, std::vector<utf8proc_int32_t>& out) {
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text, at);
    std::array<utf8proc_int32_t, 8> parts{};  // four at most, says the standard
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point.value), parts.data(),
                                               parts.size(), options, nullptr);
    out.insert(out.end(), parts.begin(), parts.begin() + std::clamp<std::ptrdiff_t>(count, 0, parts.size()));
    at += point.length;
  }
}

/// Puts each run of marks in the order of their classes. (utf8proc's own way takes the square of a run's
/// length.)
inline void sort_marks(std::vector<utf8proc_int32_t>& points) {
  const auto mark_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  const auto is_mark = [&](utf8proc_int32_t c) { return mark_class(c) != 0; };
  for (auto at = points.begin(); at != points.end();) {
    const auto first = std::find_if(at, points.end(), is_mark);
    at = std::find_if_not(first, points.end(), is_mark);
    std::stable_sort(first, at, [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
  }
}

}  // namespace detail

LINNET_INLINE std::string compose(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::vector<utf8proc_int32_t> points;
  for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
    end = detail::joining_end(text, at);
    const std::string_view part = text.substr(at, end - at);
    // Below U+0300 nothing joins, and no byte that is no UTF-8 has company.
    const auto may_join = [](char c) { return static_cast<unsigned char>(c) >= 0xcc; };
    if (!read_code_point(part, 0).valid || std::none_of(part.begin(), part.end(), may_join)) {
      out += part;
      continue;
    }
    detail::decompose(part, points);
    detail::sort_marks(points);
    const auto length =
        utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    for (utf8proc_ssize_t i = 0; i < length; ++i)
      append_utf8(out, static_cast<char32_t>(points[static_cast<std::size_t>(i)]));
  }
  return out;
}

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
