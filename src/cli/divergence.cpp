// cli/divergence.cpp - the body of divergence.hpp.
#include "divergence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "score.hpp"

namespace linnet::cli {

void Divergence::add(std::span<const float> reference, std::span<const float> logits) {
  const auto top = [](std::span<const float> values) {
    return std::max_element(values.begin(), values.end()) - values.begin();
  };
  // log p of every token is its logit less this.
  const double reference_base = negative_log_likelihood(reference, 0) + static_cast<double>(reference[0]);
  const double base = negative_log_likelihood(logits, 0) + static_cast<double>(logits[0]);
  double sum = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double log_p = static_cast<double>(reference[i]) - reference_base;
    const double log_q = static_cast<double>(logits[i]) - base;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  values_.push_back(std::max(sum, 0.0));  // never negative but for rounding
  same_top_ += top(reference) == top(logits) ? 1 : 0;
}

double Divergence::mean() const {
  return values_.empty()
             ? 0
             : std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

double Divergence::max() const {
  return values_.empty() ? 0 : *std::max_element(values_.begin(), values_.end());
}

double Divergence::same_top() const {
  return values_.empty() ? 1 : static_cast<double>(same_top_) / static_cast<double>(values_.size());
}

}  // namespace linnet::cli
