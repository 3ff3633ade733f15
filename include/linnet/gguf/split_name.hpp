// gguf/split_name.hpp - the names of a split model's files: NAME-00001-of-00003.gguf. Never opens one.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>

namespace linnet::gguf {

/// A part's path, taken apart.
struct SplitName {
  std::string prefix;       // folder and name, up to the first dash
  std::int64_t number = 1;  // counts from 1
  std::int64_t count = 1;

  std::filesystem::path path() const {
    return concat(prefix, "-", digits(number), "-of-", digits(count), ".gguf");
  }

  /// The parts of a path of this form, or nothing.
  static std::optional<SplitName> parse(const std::filesystem::path& path) {
    constexpr std::string_view pattern = "-#####-of-#####.gguf";
    const std::string& text = path.native();
    if (text.size() < pattern.size()) return std::nullopt;
    const std::size_t start = text.size() - pattern.size();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      const char c = text[start + i];
      if (pattern[i] == '#' ? c < '0' || c > '9' : c != pattern[i]) return std::nullopt;
    }
    SplitName name{text.substr(0, start)};
    std::from_chars(&text[start + 1], &text[start + 6], name.number);
    std::from_chars(&text[start + 10], &text[start + 15], name.count);
    if (name.number < 1 || name.number > name.count) return std::nullopt;
    return name;
  }

 private:
  static std::string digits(std::int64_t number) {
    const std::string text = concat(number);
    return text.size() < 5 ? std::string(5 - text.size(), '0') + text : text;
  }
};

}  // namespace linnet::gguf
