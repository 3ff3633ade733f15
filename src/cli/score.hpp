// cli/score.hpp - how well a model expects texts. Never prints.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <linnet/model/engine.hpp>

namespace linnet::cli {

/// Negative log-likelihoods, added up.
class Score {
 public:
  void add(double negative_log_likelihood) {
    ++tokens_;
    sum_ += negative_log_likelihood;
    squares_ += negative_log_likelihood * negative_log_likelihood;
  }
  std::int64_t tokens() const { return tokens_; }
  /// Mean negative log-likelihood, in nats per token.
  double mean() const;
  double perplexity() const;
  /// Standard error of the perplexity, from the spread of the tokens as if they were independent.
  double perplexity_error() const;

 private:
  std::int64_t tokens_ = 0;
  double sum_ = 0, squares_ = 0;
};

/// Windows over a text: `length` tokens each, BOS included where the model wants it, `stride` apart.
struct Windows {
  std::int64_t length = 512;
  std::int64_t stride = 256;
};

/// Called for each token that is scored: its logits [vocabulary] by each engine, and the token that follows.
using VisitLogits = std::function<void(std::span<const std::span<const float>> logits, Token next)>;

/// Walks through the tokens of a text (without BOS) in windows, with engines of one vocabulary side by side.
/// Every token is visited once, in the first window that holds it; the very first only where BOS comes before
/// it. @pre the engines have no sequences, and room for windows.length tokens.
void visit_text(std::span<Engine* const> engines, std::span<const Token> text, const Windows& windows,
                const VisitLogits& visit, const std::function<void(std::int64_t scored)>& on_progress);

/// Adds up how well the engine's model expects the tokens of a text, visited as above.
void score_text(Engine& engine, std::span<const Token> text, const Windows& windows, Score& score,
                const std::function<void(std::int64_t scored)>& on_progress);

/// -log softmax(logits)[token], in double.
double negative_log_likelihood(std::span<const float> logits, Token token);

}  // namespace linnet::cli
