// sampling/xtc.hpp - now and then excludes the top choices. Never all of them.
#pragma once

#include <cstdint>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>
#include <linnet/sampling/random.hpp>

namespace linnet::sampling {

/// With probability xtc_probability, removes all candidates of probability xtc_threshold or more but the
/// least probable of them. Its random numbers are its own: the draw that follows is the same with and without
/// it.
class Xtc {
 public:
  static constexpr std::string_view names[] = {"xtc"};
  static constexpr bool removes_candidates = true;

  Xtc(const SamplingOptions& options, std::uint64_t seed)
      : probability_(options.xtc_probability),
        threshold_(options.xtc_threshold),
        start_(seed, stream),
        random_(start_) {
    check_option("xtc_probability", options.xtc_probability, 0.0f, 1.0f);
    check_option("xtc_threshold", options.xtc_threshold, 0.0f, 1.0f);
  }

  bool active() const noexcept { return probability_ > 0 && threshold_ <= 0.5; }

  void apply(Candidates& candidates) {
    if (random_.uniform() >= probability_) return;
    const double best = candidates.best().logit, enough = threshold_ * candidates.total_weight(best);
    Candidate least = candidates.best();
    for (const Candidate& candidate : candidates.items())
      if (Candidates::weight(candidate, best) >= enough && better(least, candidate)) least = candidate;
    candidates.keep_if([&](const Candidate& candidate) { return !better(candidate, least); });
  }

  void reset() noexcept { random_ = start_; }

 private:
  static constexpr std::uint64_t stream = 2;

  double probability_, threshold_;
  Random start_, random_;
};

}  // namespace linnet::sampling
