// text/jinja/unicode_text.hpp - texts as templates see them: sequences of code points. Never counts steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet::jinja {

/// The number of code points; a byte that is no UTF-8 counts as one.
std::size_t length_of(std::string_view text);
/// Calls visit(character, code point) for each code point, in order.
template <class Visit>
void for_each_character(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const CodePoint point = read_code_point(text, 0);
    visit(text.substr(0, point.length), point);
    text.remove_prefix(point.length);
  }
}
/// The bytes before the character at this index; the length of the text where it has no more.
std::size_t offset_of(std::string_view text, std::size_t index);
/// The last character. @pre not empty
std::string_view last_character(std::string_view text);

/// Whether Python's str.isspace() holds for the code point.
bool is_space(char32_t code_point) noexcept;

/// `text` without the characters of `characters` at its left and right end; with "" as `characters`, without
/// white space.
std::string_view strip(std::string_view text, std::string_view characters, bool left, bool right);

enum class Case { lower, upper, title, capitalize };
/// Letters changed one by one: a letter whose other case takes two characters stays.
std::string change_case(std::string_view text, Case to);

/// Whether it has letters with case, and all of them are of this one.
bool is_case(std::string_view text, Case asked);
/// Whether it is not empty and `holds` is true for all its code points.
bool all_of(std::string_view text, bool (*holds)(char32_t));
bool is_digit(char32_t code_point) noexcept;
bool is_alpha(char32_t code_point) noexcept;

/// `text` with `old_text` replaced from the left, at most `count` times (below 0: always). An empty
/// `old_text` lies before each character and at the end. It stops once the result is longer than `limit`
/// bytes.
std::string replace(std::string_view text, std::string_view old_text, std::string_view new_text,
                    std::int64_t count, std::size_t limit);
/// Split at `separator`, which is not empty, at most `count` times (below 0: always), from the left or the
/// right.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::int64_t count,
                                    bool from_right);
/// Split at runs of white space, which are also removed at both ends.
std::vector<std::string_view> split_at_spaces(std::string_view text, std::int64_t count, bool from_right);
/// The lines, at the line ends that Python's str.splitlines() knows.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// As Python's repr() writes it: quoted, with escapes for what does not print.
std::string quote(std::string_view text);

}  // namespace linnet::jinja

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/jinja/unicode_text.ipp>
#endif
