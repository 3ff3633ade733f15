// model/forward.hpp - the forward pass: one walk through the layers for the tokens of one batch. Knows no
// architecture by name, and allocates nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <linnet/base/threads.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/adapter.hpp>
#include <linnet/model/kv_cache.hpp>
#include <linnet/model/observer.hpp>
#include <linnet/model/packing.hpp>
#include <linnet/model/rope.hpp>
#include <linnet/model/routing.hpp>
#include <linnet/model/scratch.hpp>
#include <linnet/model/weights.hpp>
#include <linnet/quant/convert.hpp>

namespace linnet {

/// One token of a batch.
struct BatchRow {
  Token token = 0;
  std::int64_t position = 0;
  std::byte* const* const* pages = nullptr;  // pages[group][position / page_length]
  bool long_factors = false;                 // which RoPE factors its sequence uses
  bool wants_logits = false;
};

/// Executed by every thread of a team at once: each function shares its work out, and ends where all are
/// done.
class ForwardPass {
 public:
  struct Parts {
    const Spec& spec;
    const Weights& weights;
    const kernels::Table& kernels;
    const KvCache& cache;
    const std::vector<std::vector<float>>& frequencies;  // by 2 * rope + long_factors
    const ActiveAdapters& adapters;
    const ProductObserver& observer;  // may be empty
    /// Where the embedding's rows leave memory again once they are read; null: they stay, for other reads.
    const gguf::File* file;
  };

  /// @param states  the rows that want logits give their final hidden states instead, [embedding] each
  ForwardPass(const Parts& parts, const Scratch& scratch, std::span<const BatchRow> rows, float* logits,
              bool states = false)
      : spec_(parts.spec),
        weights_(parts.weights),
        kernels_(parts.kernels),
        cache_(parts.cache),
        frequencies_(parts.frequencies),
        adapters_(parts.adapters),
        observer_(parts.observer),
        file_(parts.file),
        s_(scratch),
        rows_(rows),
        logits_(logits),
        states_(states),
        tokens_(static_cast<std::int64_t>(rows.size())),
        width_(parts.spec.embedding) {}

  void run(ThreadTeam::Member& team) noexcept {
    embed(team);
    for (std::size_t i = 0; i < spec_.layers.size(); ++i) {
      const LayerSpec& layer = spec_.layers[i];
      const LayerWeights& weights = weights_.layers[i];
      normalise(team, s_.stream, weights.attention_norm, s_.normed);
      attention(team, static_cast<std::int64_t>(i), layer, weights);
      add(team, weights.post_attention_norm);
      if (!spec_.parallel) normalise(team, s_.stream, weights.feed_forward_norm, s_.normed);
      feed_forward(team, layer, weights);
      add(team, weights.post_feed_forward_norm);
    }
    write_logits(team);
  }

 private:
  using Team = ThreadTeam::Member;

  const BatchRow& row(std::int64_t t) const { return rows_[static_cast<std::size_t>(t)]; }
  float* angles(float* table, int rope, std::int64_t t) const {
    return table + (rope * tokens_ + t) * s_.rope_pairs;
  }

  void embed(Team& team);
  void norm_row(const NormWeights& weights, std::int64_t length, const float* x, float* y) const;
  void normalise(Team& team, const float* x, const NormWeights& weights, float* y);
  void add(Team& team, const NormWeights& post_norm);
  void multiply(Team& team, std::span<const Linear> parts, const float* x, std::int64_t x_stride,
                std::int64_t tokens, float* y, std::int64_t y_stride);
  /// Whether a matrix is multiplied in packed form, which it has already or gets as it is read.
  bool is_packed(const Linear& part) const {
    return part.packed || (s_.panels && kernels::entry(kernels_.interleave, part.weight.type));
  }
  /// Whether a product with so many tokens runs on tile registers.
  bool is_tiled(std::int64_t tokens) const { return s_.tiles != nullptr && tokens >= kernels_.tiled_from; }
  /// Whether a layer's attention may: where its products do, since a model in floats is computed in floats.
  bool is_attention_tiled(std::int64_t index) const {
    return is_tiled(tokens_) &&
           is_packed(weights_.layers[static_cast<std::size_t>(index)].query_key_value[0]);
  }
  /// Whether a token is all that its sequence adds; such tokens keep to the exact kernel.
  bool is_alone(std::int64_t t) const {
    return (t == 0 || row(t - 1).pages != row(t).pages) &&
           (t + 1 == tokens_ || row(t + 1).pages != row(t).pages);
  }
  /// Queries of one key/value head that a call takes: with tiles as many as make up for unpacking, but so
  /// that each thread finds a few calls. What a query's answer is does not depend on that.
  std::int64_t queries_at_once(std::int64_t index, std::int64_t heads, int threads) const {
    if (!is_attention_tiled(index)) return Scratch::attention_queries;
    return std::clamp(tokens_ * heads / (4 * threads), Scratch::attention_queries,
                      kernels::most_tiled_queries);
  }
  void pack_activations(Team& team, const float* x, std::int64_t x_stride, std::int64_t tokens,
                        std::int64_t cols);
  void multiply_packed(Team& team, const TensorView& w, const std::byte* packed, std::int64_t first,
                       std::int64_t last, std::int64_t tokens, float* y, std::int64_t y_stride) const;
  void multiply_rows(Team& team, const Linear& part, std::int64_t first, std::int64_t last, const float* x,
                     std::int64_t x_stride, std::int64_t tokens, float* y, std::int64_t y_stride) const;
  void attention(Team& team, std::int64_t index, const LayerSpec& layer, const LayerWeights& weights);
  void place(std::int64_t index, const LayerSpec& layer, const LayerWeights& weights, std::int64_t t);
  std::int64_t run_length(std::int64_t t, std::int64_t most) const;
  void attend(Team& team, std::int64_t index, const LayerSpec& layer, std::int64_t t, std::int64_t count,
              std::int64_t kv_head);
  void feed_forward(Team& team, const LayerSpec& layer, const LayerWeights& weights);
  void network(Team& team, const FeedForward& weights, std::int64_t width, const float* x,
               std::int64_t tokens, float* y);
  void mix_experts(Team& team, const LayerSpec& layer, const LayerWeights& weights);
  void choose_experts();
  void write_logits(Team& team);

  const Spec& spec_;
  const Weights& weights_;
  const kernels::Table& kernels_;
  const KvCache& cache_;
  const std::vector<std::vector<float>>& frequencies_;
  const ActiveAdapters& adapters_;
  const ProductObserver& observer_;
  const gguf::File* file_;
  const Scratch& s_;
  std::span<const BatchRow> rows_;
  float* logits_;  // [rows that want logits, vocabulary], or their states [.., embedding]
  bool states_;
  std::int64_t tokens_, width_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/forward.ipp>
#endif
