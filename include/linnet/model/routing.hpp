// model/routing.hpp - which experts a token goes to, and with what weight. Never runs an expert.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <linnet/model/spec.hpp>

namespace linnet {

/// The index of the largest score that is not yet chosen; the first of equals.
inline std::int32_t best_expert(std::span<const float> scores, std::span<const std::int32_t> taken) noexcept {
  std::int32_t best = -1;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    bool free = true;
    for (std::int32_t t : taken) free = free && t != static_cast<std::int32_t>(e);
    if (free && (best < 0 || scores[e] > scores[static_cast<std::size_t>(best)]))
      best = static_cast<std::int32_t>(e);
  }
  return best;
}

/// The k best experts, weighed by a softmax over their scores: the softmax over all, renormalised.
inline void route_softmax(std::span<const float> scores, std::span<std::int32_t> chosen,
                          std::span<float> weight) noexcept {
  float total = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i] = best_expert(scores, chosen.first(i));
    weight[i] =
        std::exp(scores[static_cast<std::size_t>(chosen[i])] - scores[static_cast<std::size_t>(chosen[0])]);
    total += weight[i];
  }
  for (float& w : weight) w /= total;
}

/// Two experts, each weighed by its softmax among the experts whose score is close to its own.
/// Source: Liu et al., SparseMixer, 2023; Hugging Face Transformers, modular_phimoe.
inline void route_sparse_mixer(std::span<const float> scores, std::span<std::int32_t> chosen,
                               std::span<float> weight) noexcept {
  constexpr float margin = 2 * 0.01f;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i] = best_expert(scores, chosen.first(i));
    const float best = scores[static_cast<std::size_t>(chosen[i])];
    float total = 0;
    for (std::size_t e = 0; e < scores.size(); ++e) {
      if (i > 0 && static_cast<std::int32_t>(e) == chosen[0]) continue;
      const float scale = std::max(std::fabs(scores[e]), best);
      if ((best - scores[e]) / scale > margin) continue;
      total += std::exp(scores[e] - best);
    }
    weight[i] = 1 / total;
  }
}

/// Chooses chosen.size() experts for one token from the router's scores, best first.
inline void route(Routing routing, std::span<const float> scores, std::span<std::int32_t> chosen,
                  std::span<float> weight) noexcept {
  if (routing == Routing::sparse_mixer) return route_sparse_mixer(scores, chosen, weight);
  route_softmax(scores, chosen, weight);
}

}  // namespace linnet
