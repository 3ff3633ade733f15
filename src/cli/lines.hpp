// cli/lines.hpp - the lines of a text, from whatever system it comes. Never reads a file.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace linnet::cli {

/// The text without one newline at its end, nor the carriage return that Windows puts before it.
inline std::string_view without_line_end(std::string_view text) {
  if (!text.ends_with('\n')) return text;
  text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// The first line, without its end, taken off the text.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = end == text.npos ? text : text.substr(0, end + 1);
  text.remove_prefix(line.size());
  return without_line_end(line);
}

/// Every line that is not empty.
inline std::vector<std::string_view> filled_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty())
    if (const std::string_view line = take_line(text); !line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace linnet::cli
