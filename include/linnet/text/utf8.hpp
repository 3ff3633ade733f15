// text/utf8.hpp - reads code points, and makes any bytes valid UTF-8. Never knows what a character means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <linnet/base/config.hpp>

namespace linnet {

struct CodePoint {
  char32_t value;       // where not valid: the byte
  std::uint8_t length;  // bytes, 1 to 4; 1 where not valid
  bool valid;           // false: this byte begins no whole, shortest, non-surrogate sequence
};

/// The code point at text[at]. @pre at < text.size()
CodePoint read_code_point(std::string_view text, std::size_t at) noexcept;

/// Appends the UTF-8 form of a code point. @pre value <= 0x10ffff
void append_utf8(std::string& out, char32_t value);

/// Passes bytes on as valid UTF-8, however they are cut: holds the start of a character back until it is
/// whole, and writes one U+FFFD for each longest start of a character that does not go on (Unicode 15,
/// section 3.9, the practice that the W3C and Python follow).
class Utf8Repair {
 public:
  void append(std::string& out, std::string_view bytes);
  /// Ends the text: U+FFFD for what was held back.
  void finish(std::string& out);

 private:
  std::string pending_;  // at most three bytes
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/utf8.ipp>
#endif
