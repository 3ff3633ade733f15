// cli/row_batches.hpp - how many tokens to compute at once when logits of all are wanted. Never computes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace linnet::cli {

/// At most `tokens`, and at most 512: as many rows of logits as fit in 32 MiB, but eight, so that a pass is
/// worth its while.
constexpr std::int64_t rows_per_batch(std::int64_t vocabulary, std::int64_t tokens) noexcept {
  constexpr std::int64_t floats = std::int64_t{1} << 23;
  return std::min(tokens, std::clamp<std::int64_t>(floats / vocabulary, 8, 512));
}

}  // namespace linnet::cli
