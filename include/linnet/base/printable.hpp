// base/printable.hpp - text of unknown origin, made fit for one line of an error message. Never hides that it
// was cut.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace linnet {

namespace detail {

/// Appends a byte as \xHH.
inline void append_escaped(std::string& out, char c) {
  constexpr char digits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
}

constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }

}  // namespace detail

/// Text from a file in single quotes: at most 80 bytes of it, then "..."; bytes outside ' '..'~' as \xHH.
inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string out = "'";
  for (const char c : text.substr(0, longest)) {
    if (detail::is_control(c) || static_cast<unsigned char>(c) > 0x7f) {
      detail::append_escaped(out, c);
    } else {
      out += c;
    }
  }
  return out + (text.size() > longest ? "...'" : "'");
}

/// A path in single quotes, whole; control bytes as \xHH.
inline std::string path_in_quotes(const std::filesystem::path& path) {
  std::string out = "'";
  for (const char c : path.native()) {
    if (detail::is_control(c)) {
      detail::append_escaped(out, c);
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace linnet
