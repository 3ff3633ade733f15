// cli/score.cpp - the bodies of score.hpp.
#include "score.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "row_batches.hpp"

namespace linnet::cli {
namespace {

/// -log softmax(logits)[token], in double.
double negative_log_likelihood(std::span<const float> logits, Token token) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(token)]) - highest);
}

/// A sequence that is removed whatever happens.
class ScopedSequence {
 public:
  explicit ScopedSequence(Engine& engine) : engine_(engine), id_(engine.create()) {}
  ScopedSequence(const ScopedSequence&) = delete;
  ScopedSequence& operator=(const ScopedSequence&) = delete;
  ~ScopedSequence() { engine_.remove(id_); }
  SequenceId id() const { return id_; }

 private:
  Engine& engine_;
  SequenceId id_;
};

/// Scores tokens [first, end) of a window's tokens, each from the one before it.
void score_window(Engine& engine, std::span<const Token> window, std::size_t first, Score& score,
                  std::vector<float>& logits) {
  const std::int64_t vocabulary = engine.model().spec().vocabulary;
  const ScopedSequence sequence(engine);
  const auto forward = [&](std::span<const Token> tokens, LogitRows rows) {
    const BatchEntry entry{sequence.id(), tokens, rows};
    logits.resize(static_cast<std::size_t>(Engine::count_logit_rows({&entry, 1}) * vocabulary));
    engine.forward({&entry, 1}, logits);
  };
  // The token before the first scored one already predicts; the last of the window predicts nothing scored.
  if (first > 1) forward(window.first(first - 1), LogitRows::none);
  const auto batch =
      static_cast<std::size_t>(rows_per_batch(vocabulary, static_cast<std::int64_t>(window.size())));
  for (std::size_t at = first - 1; at + 1 < window.size(); at += batch) {
    const std::size_t count = std::min(batch, window.size() - 1 - at);
    forward(window.subspan(at, count), LogitRows::all);
    for (std::size_t i = 0; i < count; ++i)
      score.add(negative_log_likelihood(std::span(logits).subspan(i * static_cast<std::size_t>(vocabulary),
                                                                  static_cast<std::size_t>(vocabulary)),
                                        window[at + i + 1]));
  }
}

}  // namespace

double Score::mean() const { return tokens_ > 0 ? sum_ / static_cast<double>(tokens_) : 0; }
double Score::perplexity() const { return std::exp(mean()); }

double Score::perplexity_error() const {
  if (tokens_ < 2) return 0;
  const auto n = static_cast<double>(tokens_);
  const double variance = std::max(0.0, (squares_ - sum_ * sum_ / n) / (n - 1));
  return perplexity() * std::sqrt(variance / n);
}

void score_text(Engine& engine, std::span<const Token> text, const Windows& windows, Score& score,
                const std::function<void(std::int64_t scored)>& on_progress) {
  std::vector<Token> bos;
  if (engine.model().has_tokenizer()) {
    const Vocabulary& vocabulary = engine.model().tokenizer().vocabulary();
    if (vocabulary.adds_bos() && vocabulary.bos()) bos.push_back(*vocabulary.bos());
  }
  const auto room = static_cast<std::size_t>(windows.length) - bos.size();
  std::vector<float> logits;
  std::size_t scored = bos.empty() ? 1 : 0;  // tokens of the text before this are done
  for (std::size_t begin = 0; scored < text.size(); begin += static_cast<std::size_t>(windows.stride)) {
    const std::size_t end = std::min(text.size(), begin + room);
    if (end <= scored) continue;
    std::vector<Token> window = bos;
    window.insert(window.end(), text.begin() + static_cast<std::ptrdiff_t>(begin),
                  text.begin() + static_cast<std::ptrdiff_t>(end));
    score_window(engine, window, bos.size() + scored - begin, score, logits);
    if (on_progress) on_progress(static_cast<std::int64_t>(end - scored));
    scored = end;
  }
}

}  // namespace linnet::cli
