// sampling/top_k.hpp - keeps the k candidates with the highest logits. Never orders the others.
#pragma once

#include <limits>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

class TopK {
 public:
  static constexpr std::string_view names[] = {"top_k"};
  static constexpr bool removes_candidates = true;

  explicit TopK(const SamplingOptions& options) : k_(options.top_k) {
    check_option("top_k", k_, 0, std::numeric_limits<int>::max());
  }

  bool active() const noexcept { return k_ > 0; }

  void apply(Candidates& candidates) const { candidates.keep_best(static_cast<std::size_t>(k_)); }

 private:
  int k_;
};

}  // namespace linnet::sampling
