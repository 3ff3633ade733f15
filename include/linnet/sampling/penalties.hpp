// sampling/penalties.hpp - makes tokens that were seen less likely. Never looks at their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// For a token seen n > 0 times among the last penalty_last_n: its logit is divided by penalty_repeat where
/// it is positive and multiplied by it where it is not, then n * penalty_frequency + penalty_presence is
/// taken away. Sources: Keskar et al., "CTRL", 2019 (repetition); OpenAI's API reference (frequency,
/// presence).
class Penalties {
 public:
  static constexpr std::string_view names[] = {"penalties"};
  static constexpr bool removes_candidates = false;

  explicit Penalties(const SamplingOptions& options)
      : last_n_(options.penalty_last_n),
        repeat_(options.penalty_repeat),
        frequency_(options.penalty_frequency),
        presence_(options.penalty_presence) {
    check_option("penalty_last_n", last_n_, -1, std::numeric_limits<int>::max());
    check_option("penalty_repeat", options.penalty_repeat, 0.01f, 100.0f);
    check_option("penalty_frequency", options.penalty_frequency, -100.0f, 100.0f);
    check_option("penalty_presence", options.penalty_presence, -100.0f, 100.0f);
  }

  bool active() const noexcept { return last_n_ != 0 && (repeat_ != 1 || frequency_ != 0 || presence_ != 0); }

  void apply(Candidates& candidates) {
    count_tokens();
    candidates.change_some(counts_, [&](double logit, int count) {
      return (logit > 0 ? logit / repeat_ : logit * repeat_) - count * frequency_ - presence_;
    });
  }

  void accept(Token token) {
    if (last_n_ == 0) return;
    if (last_n_ < 0 || history_.size() < static_cast<std::size_t>(last_n_)) return history_.push_back(token);
    history_[next_] = token;
    next_ = (next_ + 1) % history_.size();
  }

  void reset() noexcept {
    history_.clear();
    next_ = 0;
  }

 private:
  void count_tokens() {
    sorted_ = history_;
    std::sort(sorted_.begin(), sorted_.end());
    counts_.clear();
    for (const Token token : sorted_) {
      if (counts_.empty() || counts_.back().first != token) counts_.emplace_back(token, 0);
      ++counts_.back().second;
    }
  }

  int last_n_;
  double repeat_, frequency_, presence_;
  std::vector<Token> history_;  // a ring once it is last_n_ long
  std::size_t next_ = 0;        // the oldest one's place in it
  std::vector<Token> sorted_;
  std::vector<std::pair<Token, int>> counts_;
};

}  // namespace linnet::sampling
