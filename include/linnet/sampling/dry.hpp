// sampling/dry.hpp - makes it unlikely to go on with a repetition. Never counts single tokens.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet {

/// The text of a token, as it is written out. Called when a token is accepted, never for invalid ones.
using TokenText = std::function<std::string(Token)>;

namespace sampling {

/// "Don't repeat yourself". Where the last n tokens stood before in the same order, followed by t, and n is
/// dry_allowed_length or more, t loses dry_multiplier * dry_base^(n - dry_allowed_length) of its logit, for
/// the longest such n. A position at which the text of a breaker ends is not part of any repetition. Source:
/// the proposal by P. E. Weidmann ("p-e-w"), 2024. Cost: O(history) per token.
class Dry {
 public:
  static constexpr std::string_view names[] = {"dry"};
  static constexpr bool removes_candidates = false;

  /// @throws Error(invalid_argument) also where there are breakers and no texts to find them in.
  Dry(const SamplingOptions& options, TokenText token_text)
      : multiplier_(options.dry_multiplier),
        base_(options.dry_base),
        allowed_(static_cast<std::size_t>(options.dry_allowed_length)),
        last_n_(options.dry_last_n),
        breakers_(options.dry_breakers),
        token_text_(std::move(token_text)) {
    constexpr int largest = std::numeric_limits<int>::max();
    check_option("dry_multiplier", options.dry_multiplier, 0.0f, 1e6f);
    check_option("dry_base", options.dry_base, 1.0f, 100.0f);
    check_option("dry_allowed_length", options.dry_allowed_length, 1, largest);
    check_option("dry_last_n", options.dry_last_n, -1, largest);
    for (const std::string& breaker : breakers_) {
      if (breaker.empty()) fail(ErrorCode::invalid_argument, "dry_breakers: expected texts, one is empty");
      longest_breaker_ = std::max(longest_breaker_, breaker.size());
    }
    if (active() && !breakers_.empty() && !token_text_)
      fail(ErrorCode::invalid_argument,
           "dry_breakers: expected the texts of tokens to find them in, got none; pass them or clear the "
           "breakers");
  }

  bool active() const noexcept { return multiplier_ > 0 && last_n_ != 0; }

  void apply(Candidates& candidates) {
    find_repetitions();
    candidates.change_some(repetitions_, [&](double logit, std::size_t length) {
      constexpr double enough = 1e30;  // beyond what any logit outweighs
      double penalty = multiplier_;
      for (std::size_t i = allowed_; i < length && penalty < enough && base_ > 1; ++i) penalty *= base_;
      return logit - penalty;
    });
  }

  void accept(Token token) {
    history_.push_back({token, ends_breaker(token)});
    // Forgetting half at a time keeps the window in one piece at little cost.
    const std::size_t window = window_length();
    if (window < history_.size() / 2)
      history_.erase(history_.begin(), history_.end() - static_cast<std::ptrdiff_t>(window));
  }

  void reset() noexcept {
    history_.clear();
    tail_.clear();
  }

 private:
  struct Position {
    Token token;
    bool breaks;
  };

  std::size_t window_length() const noexcept {
    return last_n_ < 0 ? history_.size() : std::min(history_.size(), static_cast<std::size_t>(last_n_));
  }

  /// Whether a breaker ends within this token's text; it may have begun in an earlier one.
  bool ends_breaker(Token token) {
    if (breakers_.empty()) return false;
    const std::size_t before = tail_.size();
    tail_ += token_text_(token);
    const bool found = std::any_of(breakers_.begin(), breakers_.end(), [&](const std::string& breaker) {
      const std::size_t first = before >= breaker.size() ? before - breaker.size() + 1 : 0;
      return tail_.find(breaker, first) != std::string::npos;
    });
    if (tail_.size() >= longest_breaker_) tail_.erase(0, tail_.size() - longest_breaker_ + 1);
    return found;
  }

  /// Fills repetitions_ with (token that would go on, length of the longest repetition before it).
  void find_repetitions() {
    repetitions_.clear();
    const std::size_t count = window_length();
    const auto back = [&](std::size_t i) -> const Position& { return history_[history_.size() - 1 - i]; };
    std::size_t limit = 0;  // tokens since the last breaker
    while (limit < count && !back(limit).breaks) ++limit;
    // The Z function of the history read backwards: lengths_[i] tokens before and at position i equal the
    // last ones.
    lengths_.assign(count, 0);
    for (std::size_t i = 1, left = 0, right = 0; i < count; ++i) {
      std::size_t length = i < right ? std::min(right - i, lengths_[i - left]) : 0;
      while (i + length < count && back(length).token == back(i + length).token) ++length;
      if (i + length > right) left = i, right = i + length;
      lengths_[i] = length;
      const Position& next = back(i - 1);
      if (std::min(length, limit) >= allowed_ && !next.breaks)
        repetitions_.emplace_back(next.token, std::min(length, limit));
    }
    // Of each token the longest.
    const auto longest_first = [](const auto& a, const auto& b) {
      return a.first < b.first || (a.first == b.first && a.second > b.second);
    };
    std::sort(repetitions_.begin(), repetitions_.end(), longest_first);
    const auto same_token = [](const auto& a, const auto& b) { return a.first == b.first; };
    repetitions_.erase(std::unique(repetitions_.begin(), repetitions_.end(), same_token), repetitions_.end());
  }

  double multiplier_, base_;
  std::size_t allowed_;
  int last_n_;
  std::vector<std::string> breakers_;
  std::size_t longest_breaker_ = 0;
  TokenText token_text_;
  std::vector<Position> history_;
  std::string tail_;  // the end of the text so far, one byte shorter than the longest breaker
  std::vector<std::size_t> lengths_;
  std::vector<std::pair<Token, std::size_t>> repetitions_;
};

}  // namespace sampling
}  // namespace linnet
