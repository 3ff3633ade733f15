// cli/score.cpp - the bodies of score.hpp.
#include "score.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "row_batches.hpp"

namespace linnet::cli {
namespace {

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

/// One engine's way through a window.
class WindowReader {
 public:
  /// @param length  of the window
  WindowReader(Engine& engine, std::size_t length)
      : engine_(engine), sequence_(engine), length_(static_cast<std::int64_t>(length)) {}

  /// Appends tokens; their logits [tokens, vocabulary] where they are wanted.
  void forward(std::span<const Token> tokens, LogitRows rows) {
    const BatchEntry entry{sequence_.id(), tokens, rows, length_};
    logits_.resize(static_cast<std::size_t>(Engine::count_logit_rows({&entry, 1}) * vocabulary()));
    engine_.forward({&entry, 1}, logits_);
  }
  std::span<const float> row(std::size_t i) const {
    const auto columns = static_cast<std::size_t>(vocabulary());
    return std::span(logits_).subspan(i * columns, columns);
  }
  std::int64_t vocabulary() const { return engine_.model().spec().vocabulary; }

 private:
  Engine& engine_;
  ScopedSequence sequence_;
  std::int64_t length_;
  std::vector<float> logits_;
};

/// Visits tokens [first, end) of a window's tokens, each with the logits of the one before it.
void visit_window(std::span<Engine* const> engines, std::span<const Token> window, std::size_t first,
                  const VisitLogits& visit) {
  std::deque<WindowReader> readers;
  for (Engine* engine : engines) readers.emplace_back(*engine, window.size());
  std::vector<std::span<const float>> logits(readers.size());
  // The token before the first visited one already predicts; the last of the window predicts nothing visited.
  if (first > 1)
    for (WindowReader& reader : readers) reader.forward(window.first(first - 1), LogitRows::none);
  const auto batch = static_cast<std::size_t>(
      rows_per_batch(readers[0].vocabulary(), static_cast<std::int64_t>(window.size())));
  for (std::size_t at = first - 1; at + 1 < window.size(); at += batch) {
    const std::size_t count = std::min(batch, window.size() - 1 - at);
    for (WindowReader& reader : readers) reader.forward(window.subspan(at, count), LogitRows::all);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t e = 0; e < readers.size(); ++e) logits[e] = readers[e].row(i);
      visit(logits, window[at + i + 1]);
    }
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

double negative_log_likelihood(std::span<const float> logits, Token token) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(token)]) - highest);
}

void visit_text(std::span<Engine* const> engines, std::span<const Token> text, const Windows& windows,
                const VisitLogits& visit, const std::function<void(std::int64_t scored)>& on_progress) {
  if (windows.length < 2)
    fail(ErrorCode::invalid_argument, "scoring needs a context of 2 tokens or more, found ", windows.length);
  const Model& model = engines[0]->model();
  std::vector<Token> bos;
  if (model.has_tokenizer()) {
    const Vocabulary& vocabulary = model.tokenizer().vocabulary();
    if (vocabulary.adds_bos() && vocabulary.bos()) bos.push_back(*vocabulary.bos());
  }
  const auto room = static_cast<std::size_t>(windows.length) - bos.size();
  std::size_t scored = bos.empty() ? 1 : 0;  // tokens of the text before this are done
  for (std::size_t begin = 0; scored < text.size(); begin += static_cast<std::size_t>(windows.stride)) {
    const std::size_t end = std::min(text.size(), begin + room);
    if (end <= scored) continue;
    std::vector<Token> window = bos;
    window.insert(window.end(), text.begin() + static_cast<std::ptrdiff_t>(begin),
                  text.begin() + static_cast<std::ptrdiff_t>(end));
    visit_window(engines, window, bos.size() + scored - begin, visit);
    if (on_progress) on_progress(static_cast<std::int64_t>(end - scored));
    scored = end;
  }
}

void score_text(Engine& engine, std::span<const Token> text, const Windows& windows, Score& score,
                const std::function<void(std::int64_t scored)>& on_progress) {
  Engine* const engines[] = {&engine};
  visit_text(
      engines, text, windows,
      [&](std::span<const std::span<const float>> logits, Token next) {
        score.add(negative_log_likelihood(logits[0], next));
      },
      on_progress);
}

}  // namespace linnet::cli
