// tests/runtime/sessions.hpp - what tests of sessions share: options under which a small random model writes
// on, and what it has to write. Never an expectation about a session.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <linnet/runtime/session.hpp>
#include <model/fixtures.hpp>

namespace linnet::tests {

inline constexpr float never = -std::numeric_limits<float>::infinity();

/// Greedy, and never the end of the text, so that a random model writes on.
inline SamplingOptions greedy(std::int64_t max_tokens) {
  SamplingOptions options;
  options.max_tokens = max_tokens;
  options.temperature = 0;
  options.logit_bias = {{2, never}};
  return options;
}

inline SamplingOptions drawn(std::int64_t max_tokens, std::uint64_t seed) {
  SamplingOptions options = greedy(max_tokens);
  options.temperature = 1;
  options.seed = seed;
  return options;
}

inline SessionOptions one_thread() { return {.threads = 1, .cache_type = DType::f32}; }

inline std::string text_of(Generation generation) {
  std::string text;
  for (const std::string_view piece : generation) {
    EXPECT_FALSE(piece.empty());
    text += piece;
  }
  return text;
}

/// What a model writes after these tokens, one fresh engine for each step.
inline std::vector<Token> greedy_tokens(const std::shared_ptr<const Model>& model, std::vector<Token> text,
                                        int count) {
  const std::size_t begin = text.size();
  while (count-- > 0) {
    Logits logits = fresh_logits(model, text);
    logits[2] = never;
    text.push_back(static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  return {text.begin() + static_cast<std::ptrdiff_t>(begin), text.end()};
}

inline std::vector<Token> as_vector(std::span<const Token> tokens) { return {tokens.begin(), tokens.end()}; }

}  // namespace linnet::tests
