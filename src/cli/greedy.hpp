// cli/greedy.hpp - the likeliest continuations of many prompts, side by side. Never draws.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <linnet/model/engine.hpp>

namespace linnet::cli {

/// The tokens with which the model continues each prompt, always the one with the highest logit, up to the
/// end of the text (left out) or `max_tokens`. The result does not depend on what runs side by side.
/// @pre the engine has no sequences; none is left.
/// @param side_by_side  sequences at once; the engine's cache holds each of them whole.
/// @param on_done       called for each prompt that is done; may throw, to cancel
std::vector<std::vector<Token>> generate_greedily(Engine& engine, std::span<const std::vector<Token>> prompts,
                                                  std::int64_t max_tokens, std::size_t side_by_side,
                                                  const std::function<void()>& on_done);

}  // namespace linnet::cli
