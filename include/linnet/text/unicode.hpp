// text/unicode.hpp - the classes of characters that pre-tokenizers ask for, and normal form C. Never knows a
// vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <linnet/base/config.hpp>
#include <linnet/text/utf8.hpp>

namespace linnet {

/// Bits of a character's classes, in the terms of the regular expressions that define pre-tokenizers.
namespace char_class {
inline constexpr unsigned letter = 1;        // \p{L}
inline constexpr unsigned number = 2;        // \p{N}
inline constexpr unsigned space = 4;         // \s: the property White_Space
inline constexpr unsigned newline = 8;       // [\r\n]
inline constexpr unsigned punctuation = 16;  // \p{P}
inline constexpr unsigned upper_word = 32;   // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
inline constexpr unsigned lower_word = 64;   // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
inline constexpr unsigned symbol = 128;      // \p{S}
}  // namespace char_class

/// The classes of a code point; 0 for one that is not assigned. By the Unicode version of utf8proc.
unsigned classes_of(char32_t code_point) noexcept;

struct Character {
  char32_t value;
  std::uint8_t length;   // bytes
  std::uint8_t classes;  // char_class bits; 0 for a byte that is no UTF-8

  bool is(unsigned classes_asked) const noexcept { return (classes & classes_asked) != 0; }
};

/// The character at text[at]; a byte that is no UTF-8 is a character of its own. @pre at < text.size()
Character read_character(std::string_view text, std::size_t at) noexcept;

/// The text in normal form C (Unicode Standard Annex 15), by the Unicode version of utf8proc. Bytes that are
/// no UTF-8 stay as they are, and nothing joins across them. Cost: near linear in the length of the text,
/// whatever it holds.
std::string compose(std::string_view text);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/unicode.ipp>
#endif
