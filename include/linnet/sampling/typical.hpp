// sampling/typical.hpp - keeps those whose surprise is nearest to the expected. Never fewer than one.
#pragma once

#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// Orders by |-log p - H|, H being the entropy, and keeps the first that together have probability typical_p.
/// Source: Meister et al., "Locally Typical Sampling", 2023.
class Typical {
 public:
  static constexpr std::string_view names[] = {"typical", "typical_p", "typ_p"};
  static constexpr bool removes_candidates = true;

  explicit Typical(const SamplingOptions& options) : p_(options.typical_p) {
    check_option("typical_p", options.typical_p, 0.0f, 1.0f);
  }

  bool active() const noexcept { return p_ < 1; }

  void apply(Candidates& candidates) {
    const double best = candidates.best().logit, total = candidates.total_weight(best);
    const double log_total = log_positive(total), expected = entropy(candidates);
    ranks_.clear();
    for (const Candidate& candidate : candidates.items()) {
      const double surprise = log_total - (candidate.logit - best);
      ranks_.push_back({std::abs(surprise - expected), Candidates::weight(candidate, best), candidate});
    }
    double sum = 0;
    const auto nearer = [](const Rank& a, const Rank& b) {
      return a.distance < b.distance || (a.distance == b.distance && better(a.candidate, b.candidate));
    };
    const std::size_t kept = visit_in_order(std::span(ranks_), nearer, [&](const Rank& rank) {
      sum += rank.weight;
      return sum < p_ * total;
    });
    // Everything up to the last one kept, in the order of nearness, stays; its neighbours keep their order.
    const Rank last = ranks_[kept - 1];
    candidates.keep_if([&](const Candidate& candidate) {
      const double surprise = log_total - (candidate.logit - best);
      return !nearer(last, {std::abs(surprise - expected), 0, candidate});
    });
  }

 private:
  struct Rank {
    double distance, weight;
    Candidate candidate;
  };

  double p_;
  std::vector<Rank> ranks_;
};

}  // namespace linnet::sampling
