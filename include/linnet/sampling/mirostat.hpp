// sampling/mirostat.hpp - keeps the surprise of the text near a target. Never draws itself.
#pragma once

#include <algorithm>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// Mirostat 2: removes the candidates whose surprise -log2 p is above mu, and after the draw moves mu by how
/// much the surprise of what was drawn missed tau. Source: Basu et al., "Mirostat: A Neural Text Decoding
/// Algorithm that Directly Controls Perplexity", 2021, algorithm 2.
class Mirostat {
 public:
  explicit Mirostat(const SamplingOptions& options)
      : on_(options.mirostat != 0), tau_(options.mirostat_tau), eta_(options.mirostat_eta) {
    if (options.mirostat != 0 && options.mirostat != 2)
      fail(ErrorCode::invalid_argument, "mirostat: expected 0 (off) or 2, got ", options.mirostat);
    check_option("mirostat_tau", options.mirostat_tau, 0.0f, 100.0f);
    check_option("mirostat_eta", options.mirostat_eta, 0.0f, 100.0f);
    reset();
  }

  bool active() const noexcept { return on_; }
  double mu() const noexcept { return mu_; }

  void apply(Candidates& candidates) const {
    const double best = candidates.best().logit;
    // -log2 p <= mu is logit >= best + log(total) - mu log 2; the best always stays.
    const double threshold = best + std::min(0.0, log_positive(candidates.total_weight(best)) - mu_ * ln2);
    candidates.keep_if([&](const Candidate& candidate) { return candidate.logit >= threshold; });
  }

  /// @param surprise  -log2 of the probability that the token drawn had among those kept.
  void observe(double surprise) noexcept { mu_ -= eta_ * (surprise - tau_); }

  void reset() noexcept { mu_ = 2 * tau_; }

 private:
  bool on_;
  double tau_, eta_, mu_ = 0;
};

}  // namespace linnet::sampling
