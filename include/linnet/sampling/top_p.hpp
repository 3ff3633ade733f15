// sampling/top_p.hpp - keeps the most probable that together have probability p. Never fewer than one.
#pragma once

#include <algorithm>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// Nucleus sampling. Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
class TopP {
 public:
  static constexpr std::string_view names[] = {"top_p"};
  static constexpr bool removes_candidates = true;

  explicit TopP(const SamplingOptions& options) : p_(options.top_p) {
    check_option("top_p", options.top_p, 0.0f, 1.0f);
  }

  bool active() const noexcept { return p_ < 1; }

  void apply(Candidates& candidates) const {
    const double best = candidates.best().logit;
    const double total = candidates.total_weight(best), wanted = p_ * total;
    // All that weigh less than this together weigh less than what may go: they need not be ordered.
    const double share = (total - wanted) / static_cast<double>(candidates.size());
    const double threshold = best + std::min(0.0, log_positive(share));
    candidates.keep_if([&](const Candidate& candidate) { return candidate.logit >= threshold; });
    double sum = 0;
    candidates.keep_best_while([&](const Candidate& candidate) {
      sum += Candidates::weight(candidate, best);
      return sum < wanted;
    });
  }

 private:
  double p_;
};

}  // namespace linnet::sampling
