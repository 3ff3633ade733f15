// model/embedding.ipp - the body of embedding.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/base/error.hpp>
#include <linnet/model/embedding.hpp>

namespace linnet {
namespace detail {

/// Some texts, computed side by side in sequences of their own, which end with this object.
class EmbeddingGroup {
 public:
  EmbeddingGroup(Engine& engine, std::span<const std::vector<Token>> texts)
      : engine_(engine), texts_(texts), width_(engine.model().spec().embedding) {
    try {
      for (std::size_t i = 0; i < texts.size(); ++i) sequences_.push_back(engine.create());
    } catch (...) {
      remove();
      throw;
    }
  }
  EmbeddingGroup(const EmbeddingGroup&) = delete;
  EmbeddingGroup& operator=(const EmbeddingGroup&) = delete;
  ~EmbeddingGroup() { remove(); }

  /// Writes the vectors [texts, width].
  void pool(Pooling pooling, std::span<float> out) {
    sums_.assign(out.size(), 0);
    if (pooling == Pooling::mean) {
      std::size_t longest = 0;
      for (const auto& text : texts_) longest = std::max(longest, text.size());
      const auto piece = static_cast<std::size_t>(engine_.max_batch());
      for (std::size_t begin = 0; begin < longest; begin += piece) add(begin, piece, LogitRows::all);
    } else {
      add(0, pooling == Pooling::first ? 1 : texts_[0].max_size(), LogitRows::last);
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t count = pooling == Pooling::mean ? texts_[i / width()].size() : 1;
      out[i] = static_cast<float>(sums_[i] / static_cast<double>(count));
    }
  }

 private:
  std::size_t width() const { return static_cast<std::size_t>(width_); }
  void remove() {
    for (SequenceId sequence : sequences_) engine_.remove(sequence);
  }

  /// Computes up to `count` tokens of each text from `begin` on, and adds up the states asked for.
  void add(std::size_t begin, std::size_t count, LogitRows rows) {
    std::vector<BatchEntry> batch;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      const std::span<const Token> text = texts_[i];
      const auto tokens = text.subspan(std::min(begin, text.size()));
      batch.push_back({sequences_[i], tokens.first(std::min(count, tokens.size())), rows,
                       static_cast<std::int64_t>(text.size())});
    }
    states_.resize(static_cast<std::size_t>(Engine::count_logit_rows(batch)) * width());
    engine_.forward_states(batch, states_);
    const float* state = states_.data();
    for (std::size_t i = 0; i < batch.size(); ++i)
      for (std::int64_t row = Engine::count_logit_rows({&batch[i], 1}); row > 0; --row)
        for (std::size_t c = 0; c < width(); ++c) sums_[i * width() + c] += static_cast<double>(*state++);
  }

  Engine& engine_;
  std::span<const std::vector<Token>> texts_;
  std::int64_t width_;
  std::vector<SequenceId> sequences_;
  std::vector<float> states_;  // [rows, width]
  std::vector<double> sums_;   // [texts, width]
};

/// How many of the texts fit side by side: at least one.
inline std::size_t embedding_group_size(const Engine& engine, std::span<const std::vector<Token>> texts) {
  const auto room = static_cast<std::size_t>(std::min(engine.max_batch(), engine.cache().capacity()));
  const auto sequences = static_cast<std::size_t>(engine.free_sequences());
  std::size_t count = 1, tokens = texts[0].size();
  while (count < std::min(texts.size(), sequences) && tokens + texts[count].size() <= room)
    tokens += texts[count++].size();
  return count;
}

inline void normalize(std::span<float> vector) {
  double squares = 0;
  for (float v : vector) squares += static_cast<double>(v) * v;
  if (squares == 0) return;
  for (float& v : vector) v = static_cast<float>(v / std::sqrt(squares));
}

}  // namespace detail

LINNET_INLINE std::vector<float> embed(Engine& engine, std::span<const std::vector<Token>> texts,
                                       const EmbeddingOptions& options) {
  const std::int64_t vocabulary = engine.model().spec().vocabulary;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) fail(ErrorCode::invalid_argument, "embed: text ", i, " has no tokens");
    if (static_cast<std::int64_t>(texts[i].size()) > engine.cache().capacity())
      fail(ErrorCode::context_full, "embed: text ", i, " has ", texts[i].size(),
           " tokens and the cache holds ", engine.cache().capacity(), "; shorten it or use a larger context");
    for (const Token token : texts[i])
      if (token < 0 || token >= vocabulary)
        fail(ErrorCode::invalid_argument, "embed: text ", i, ": token ", token,
             " is outside the vocabulary of ", vocabulary);
  }
  const auto width = static_cast<std::size_t>(engine.model().spec().embedding);
  std::vector<float> vectors(texts.size() * width);
  for (std::size_t done = 0; done < texts.size();) {
    const std::size_t count = detail::embedding_group_size(engine, texts.subspan(done));
    detail::EmbeddingGroup(engine, texts.subspan(done, count))
        .pool(options.pooling, std::span(vectors).subspan(done * width, count * width));
    done += count;
  }
  if (options.normalize)
    for (std::size_t i = 0; i < texts.size(); ++i)
      detail::normalize(std::span(vectors).subspan(i * width, width));
  return vectors;
}

}  // namespace linnet
