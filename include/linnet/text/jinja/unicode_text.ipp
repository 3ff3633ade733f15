// text/jinja/unicode_text.ipp - the bodies of unicode_text.hpp, over utf8proc's tables.
#pragma once

#include <algorithm>
#include <cstdio>

#include <utf8proc.h>

#include <linnet/text/jinja/unicode_text.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet::jinja {

LINNET_INLINE std::size_t length_of(std::string_view text) {
  std::size_t length = 0;
  for (std::size_t at = 0; at < text.size(); at += read_code_point(text, at).length) ++length;
  return length;
}

LINNET_INLINE std::size_t offset_of(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += read_code_point(text, at).length;
  return at;
}

LINNET_INLINE std::string_view last_character(std::string_view text) {
  for (std::size_t length = std::min<std::size_t>(text.size(), 4); length > 1; --length) {
    const CodePoint point = read_code_point(text, text.size() - length);
    if (point.valid && point.length == length) return text.substr(text.size() - length);
  }
  return text.substr(text.size() - 1);
}

LINNET_INLINE bool is_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

LINNET_INLINE std::string_view strip(std::string_view text, std::string_view characters, bool left,
                                     bool right) {
  const auto goes = [&](std::string_view character) {
    if (!characters.empty()) return characters.find(character) != std::string_view::npos;
    const CodePoint point = read_code_point(character, 0);
    return point.valid && is_space(point.value);
  };
  while (left && !text.empty()) {
    const std::size_t length = read_code_point(text, 0).length;
    if (!goes(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    const std::string_view last = last_character(text);
    if (!goes(last)) break;
    text.remove_suffix(last.size());
  }
  return text;
}

LINNET_INLINE std::string change_case(std::string_view text, Case to) {
  std::string out;
  bool word_begins = true;
  for_each_character(text, [&](std::string_view character, const CodePoint& point) {
    const auto c = static_cast<utf8proc_int32_t>(point.value);
    const bool lower = to == Case::lower || (to != Case::upper && !word_begins);
    const auto changed = lower               ? utf8proc_tolower(c)
                         : to == Case::upper ? utf8proc_toupper(c)
                                             : utf8proc_totitle(c);
    if (point.valid)
      append_utf8(out, static_cast<char32_t>(changed));
    else
      out += character;
    const bool cased = point.valid && (utf8proc_tolower(c) != c || utf8proc_toupper(c) != c);
    word_begins = to == Case::title && !cased;
  });
  return out;
}

LINNET_INLINE bool is_case(std::string_view text, Case asked) {
  bool right = false, wrong = false;
  for_each_character(text, [&](std::string_view, const CodePoint& point) {
    if (!point.valid) return;
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(point.value));
    const bool lower = category == UTF8PROC_CATEGORY_LL;
    const bool upper = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
    right |= asked == Case::lower ? lower : upper;
    wrong |= asked == Case::lower ? upper : lower;
  });
  return right && !wrong;
}

LINNET_INLINE bool all_of(std::string_view text, bool (*holds)(char32_t)) {
  bool all = !text.empty();
  for_each_character(
      text, [&](std::string_view, const CodePoint& point) { all &= point.valid && holds(point.value); });
  return all;
}

LINNET_INLINE bool is_digit(char32_t c) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

LINNET_INLINE bool is_alpha(char32_t c) noexcept {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

LINNET_INLINE std::string replace(std::string_view text, std::string_view old_text, std::string_view new_text,
                                  std::int64_t count, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  for (; count != 0 && out.size() <= limit; --count) {
    const std::size_t found = text.find(old_text, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += new_text;
    at = found + old_text.size();
    if (!old_text.empty()) continue;
    if (at == text.size()) return out;
    const std::size_t length = read_code_point(text, at).length;
    out += text.substr(at, length);
    at += length;
  }
  return out += text.substr(at);
}

LINNET_INLINE std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                                  std::int64_t count, bool from_right) {
  std::vector<std::string_view> parts;
  for (; count != 0; --count) {
    const std::size_t found = from_right ? text.rfind(separator) : text.find(separator);
    if (found == std::string_view::npos) break;
    const std::size_t after = found + separator.size();
    parts.push_back(from_right ? text.substr(after) : text.substr(0, found));
    text = from_right ? text.substr(0, found) : text.substr(after);
  }
  parts.push_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

LINNET_INLINE std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t count,
                                                            bool from_right) {
  std::vector<std::string_view> parts;
  for (text = strip(text, "", !from_right, from_right); !text.empty(); --count) {
    std::string_view rest = text;  // after the word that comes next
    const auto blank = [](std::string_view character) { return strip(character, "", true, false).empty(); };
    const auto next = [&] { return from_right ? last_character(rest) : rest.substr(0, offset_of(rest, 1)); };
    if (count == 0) {
      parts.push_back(text);
      break;
    }
    while (!rest.empty() && !blank(next()))
      from_right ? rest.remove_suffix(next().size()) : rest.remove_prefix(next().size());
    parts.push_back(from_right ? text.substr(rest.size()) : text.substr(0, text.size() - rest.size()));
    text = strip(rest, "", !from_right, from_right);
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

LINNET_INLINE std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text, at);
    const char32_t c = point.value;
    std::size_t end = at + point.length;
    const bool ends_line = point.valid && ((c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) ||
                                           c == 0x85 || c == 0x2028 || c == 0x2029);
    if (ends_line) {
      if (c == '\r' && end < text.size() && text[end] == '\n') ++end;
      lines.push_back(text.substr(begin, (keep_ends ? end : at) - begin));
      begin = end;
    }
    at = end;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

LINNET_INLINE std::string quote(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos,
             has_double = text.find('"') != std::string_view::npos;
  const char mark = has_single && !has_double ? '"' : '\'';
  std::string out(1, mark);
  for_each_character(text, [&](std::string_view character, const CodePoint& point) {
    const char32_t c = point.value;
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    const bool prints =
        point.valid && (c == ' ' || (category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS));
    if (c == static_cast<char32_t>(mark) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (prints) {
      out += character;
    } else {
      char escape[16];
      const int width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
      std::snprintf(escape, sizeof escape, "\\%c%0*x",
                    width == 2   ? 'x'
                    : width == 4 ? 'u'
                                 : 'U',
                    width, static_cast<unsigned>(c));
      out += escape;
    }
  });
  return out + mark;
}

}  // namespace linnet::jinja
