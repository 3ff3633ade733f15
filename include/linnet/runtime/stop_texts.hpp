// runtime/stop_texts.hpp - finds the texts that end a generation in a stream of pieces. Never gives out part
// of one.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace linnet {

/// Passes text through, holding back what may be the start of a stop text.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
    std::erase(texts_, std::string());
  }

  /// Adds a piece; returns what is certain to come before any stop text. Valid until the next call.
  std::string_view push(std::string_view piece) {
    text_.erase(0, given_);
    text_ += piece;
    std::size_t first = std::string::npos, open = 0;
    for (const std::string& stop : texts_) {
      first = std::min(first, text_.find(stop));
      open = std::max(open, open_match(stop));
    }
    matched_ = first != std::string::npos;
    given_ = matched_ ? first : text_.size() - open;
    return {text_.data(), given_};
  }

  /// Whether a stop text has come. Nothing should be pushed then.
  bool matched() const noexcept { return matched_; }

  /// What was held back, once nothing more comes; empty after a match.
  std::string_view finish() {
    text_.erase(0, given_);
    given_ = 0;
    return matched_ ? std::string_view() : std::string_view(text_);
  }

 private:
  /// The length of the longest end of the text that is a start of `stop`.
  std::size_t open_match(std::string_view stop) const {
    std::size_t length = std::min(stop.size() - 1, text_.size());
    while (length > 0 && !stop.starts_with(std::string_view(text_).substr(text_.size() - length))) --length;
    return length;
  }

  std::vector<std::string> texts_;
  std::string text_;
  std::size_t given_ = 0;  // of text_, by the last push
  bool matched_ = false;
};

}  // namespace linnet
