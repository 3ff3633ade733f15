// sampling/top_n_sigma.hpp - keeps logits within n standard deviations of the best. Never sees an exp.
#pragma once

#include <cmath>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// Keeps logit >= best - n sigma, sigma being the standard deviation of all candidates' logits.
/// Source: Tang et al., "Top-n sigma: Not All Logits Are You Need", 2024.
class TopNSigma {
 public:
  static constexpr std::string_view names[] = {"top_n_sigma"};
  static constexpr bool removes_candidates = true;

  explicit TopNSigma(const SamplingOptions& options) : n_(options.top_n_sigma) {
    check_option("top_n_sigma", options.top_n_sigma, -1e6f, 1e6f);
  }

  bool active() const noexcept { return n_ > 0; }

  void apply(Candidates& candidates) const {
    const double count = static_cast<double>(candidates.size());
    double sum = 0, squares = 0;
    for (const Candidate& candidate : candidates.items()) sum += candidate.logit;
    for (const Candidate& candidate : candidates.items()) {
      const double distance = candidate.logit - sum / count;
      squares += distance * distance;
    }
    const double threshold = candidates.best().logit - n_ * std::sqrt(squares / count);
    candidates.keep_if([&](const Candidate& candidate) { return candidate.logit >= threshold; });
  }

 private:
  double n_;
};

}  // namespace linnet::sampling
