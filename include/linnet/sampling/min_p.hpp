// sampling/min_p.hpp - keeps what has a share of the best one's probability. Never removes the best.
#pragma once

#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// Keeps p >= min_p * (the highest p), which is a threshold on logits: no exponential per candidate.
/// Source: Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", 2024.
class MinP {
 public:
  static constexpr std::string_view names[] = {"min_p"};
  static constexpr bool removes_candidates = true;

  explicit MinP(const SamplingOptions& options) : min_p_(options.min_p) {
    check_option("min_p", options.min_p, 0.0f, 1.0f);
  }

  bool active() const noexcept { return min_p_ > 0; }

  void apply(Candidates& candidates) const {
    const double threshold = candidates.best().logit + log_positive(min_p_);
    candidates.keep_if([&](const Candidate& candidate) { return candidate.logit >= threshold; });
  }

 private:
  double min_p_;
};

}  // namespace linnet::sampling
