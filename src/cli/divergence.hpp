// cli/divergence.hpp - how far a model's expectation of the next token is from a reference. Never runs a
// model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace linnet::cli {

/// Kullback-Leibler divergences of distributions over a vocabulary, added up.
class Divergence {
 public:
  /// Adds the divergence, in nats, of softmax(logits) from softmax(reference): the sum over tokens of
  /// p log(p / q), p being the reference's.
  void add(std::span<const float> reference, std::span<const float> logits);

  std::int64_t tokens() const { return static_cast<std::int64_t>(values_.size()); }
  double mean() const;
  double max() const;
  /// The share of tokens for which both expect the same next token most.
  double same_top() const;

 private:
  std::vector<double> values_;
  std::int64_t same_top_ = 0;
};

}  // namespace linnet::cli
