// sampling/greedy.hpp - the token with the highest logit. Never draws.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>

#include <linnet/text/token.hpp>

namespace linnet::sampling {

/// The token with the highest logit, of equal ones the lowest; nothing where all are NaN or -infinity. One
/// pass.
inline std::optional<Token> greedy(std::span<const float> logits) noexcept {
  std::optional<Token> best;
  float highest = -std::numeric_limits<float>::infinity();
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (!(logits[id] > highest)) continue;
    highest = logits[id];
    best = static_cast<Token>(id);
  }
  return best;
}

}  // namespace linnet::sampling
