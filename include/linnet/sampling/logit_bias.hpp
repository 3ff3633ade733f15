// sampling/logit_bias.hpp - adds to the logits of chosen tokens. Never looks at the text so far.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// logit + bias, where -infinity removes the token. Biases of the same token add up.
class LogitBias {
 public:
  static constexpr std::string_view names[] = {"logit_bias"};
  static constexpr bool removes_candidates = false;

  LogitBias(const SamplingOptions& options, std::int64_t vocabulary_size) {
    constexpr float infinity = std::numeric_limits<float>::infinity(),
                    largest = std::numeric_limits<float>::max();
    for (const auto& [token, bias] : options.logit_bias) {
      check_option<std::int64_t>("logit_bias: token", token, 0, vocabulary_size - 1);
      check_option("logit_bias", bias, -infinity, largest);
      biases_[token] += bias;
    }
  }

  bool active() const noexcept { return !biases_.empty(); }

  void apply(Candidates& candidates) const {
    candidates.change_some(biases_, [](double logit, double bias) { return logit + bias; });
  }

 private:
  std::map<Token, double> biases_;
};

}  // namespace linnet::sampling
