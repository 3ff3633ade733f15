// laboratory/attention_experiment.ipp - the body of attention_experiment.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include <linnet/kernels/kv_page.hpp>
#include <linnet/laboratory/attention_experiment.hpp>
#include <linnet/laboratory/machine.hpp>
#include <linnet/laboratory/random_values.hpp>

namespace linnet::laboratory {

LINNET_INLINE AttentionExperiment::AttentionExperiment(const kernels::Table& table, DType type,
                                                       AttentionShape shape, std::int64_t tokens, bool tiled,
                                                       Workspace& workspace)
    : table_(table), type_(type), shape_(shape), tiled_(tiled), tokens_(tokens) {
  const std::int64_t queries_at_once = tiled ? kernels::most_tiled_queries : 32;  // as the engine groups them
  tokens_at_once_ = std::max<std::int64_t>(1, queries_at_once / shape.heads_per_kv_head);
  side_bytes_ = kernels::page_length * byte_size(type, kernels::page_row_length(type, shape.head_dim));
  const std::int64_t heads = shape.kv_heads * shape.heads_per_kv_head;
  keys_ = normal_values(shape.context * shape.kv_heads * shape.head_dim, 1, 3);
  values_ = normal_values(shape.context * shape.kv_heads * shape.head_dim, 1, 4);
  q_ = normal_values(tokens * heads * shape.head_dim, 1, 5);
  out_.resize(q_.size());
  fill(workspace);
  bytes = shape.context / kernels::page_length * shape.kv_heads * 2 * side_bytes_;
  from_memory = copies_ * bytes > last_cache_bytes() * 3 / 2;
  for (std::int64_t t = 0; t < tokens; ++t)
    operations += 4 * heads * shape.head_dim * (shape.context - tokens + t + 1);
}

LINNET_INLINE void AttentionExperiment::fill(Workspace& workspace) {
  const std::int64_t count = shape_.context / kernels::page_length;
  const std::int64_t page_bytes = shape_.kv_heads * 2 * side_bytes_;
  copies_ = std::max<std::int64_t>(1, workspace.streaming_bytes / (count * page_bytes));
  std::byte* const memory = workspace.reserve(copies_ * count * page_bytes);
  for (std::int64_t p = 0; p < shape_.context; ++p)
    for (std::int64_t h = 0; h < shape_.kv_heads; ++h) {
      std::byte* const keys = memory + p / kernels::page_length * page_bytes + h * 2 * side_bytes_;
      const std::int64_t at = (p * shape_.kv_heads + h) * shape_.head_dim;
      const std::int64_t slot = p % kernels::page_length;
      kernels::store_key(type_, keys_.data() + at, shape_.head_dim, keys, slot);
      kernels::store_value(type_, values_.data() + at, shape_.head_dim, keys + side_bytes_, slot);
    }
  for (std::int64_t copy = 1; copy < copies_; ++copy)
    std::memcpy(memory + copy * count * page_bytes, memory, static_cast<std::size_t>(count * page_bytes));
  for (std::int64_t i = 0; i < copies_ * count; ++i) pages_.push_back(memory + i * page_bytes);
  constexpr std::size_t most_threads = 1024;
  scratch_.resize(most_threads);
}

LINNET_INLINE void AttentionExperiment::attend(std::int64_t kv_head, std::int64_t token, std::int64_t count,
                                               float* scratch) noexcept {
  const std::int64_t heads = shape_.kv_heads * shape_.heads_per_kv_head;
  const std::int64_t at = (token * heads + kv_head * shape_.heads_per_kv_head) * shape_.head_dim;
  kernels::entry(tiled_ ? table_.tiled_attention : table_.attention,
                 type_)({.q = q_.data() + at,
                         .q_stride = heads * shape_.head_dim,
                         .tokens = count,
                         .heads = shape_.heads_per_kv_head,
                         .head_dim = shape_.head_dim,
                         .pages = pages_.data() + copy_ * shape_.context / kernels::page_length,
                         .k_offset = kv_head * 2 * side_bytes_,
                         .v_offset = kv_head * 2 * side_bytes_ + side_bytes_,
                         .key_end = shape_.context - tokens_ + token + 1,
                         .window = 0,
                         .scale = 1 / std::sqrt(static_cast<float>(shape_.head_dim)),
                         .soft_cap = 0,
                         .out = out_.data() + at,
                         .out_stride = heads * shape_.head_dim,
                         .scratch = scratch});
}

LINNET_INLINE void AttentionExperiment::run(ThreadTeam::Member& member) noexcept {
  Buffer& scratch = scratch_[static_cast<std::size_t>(member.index())];
  const auto floats = tiled_ ? kernels::tiled_attention_scratch : kernels::attention_scratch;
  if (scratch.size() == 0)
    scratch = Buffer(sizeof(float) *
                     static_cast<std::size_t>(floats(tokens_at_once_ * shape_.heads_per_kv_head,
                                                     kernels::page_row_length(type_, shape_.head_dim))));
  const std::int64_t tiles = (tokens_ + tokens_at_once_ - 1) / tokens_at_once_;
  member.for_chunks(tiles * shape_.kv_heads, 1, [&](std::int64_t item, std::int64_t) {
    const std::int64_t token = item / shape_.kv_heads * tokens_at_once_;
    attend(item % shape_.kv_heads, token, std::min(tokens_at_once_, tokens_ - token), scratch.as<float>());
  });
}

/// The output [head_dim] of one query head.
LINNET_INLINE std::vector<double> AttentionExperiment::expected(std::int64_t token, std::int64_t head) const {
  const std::int64_t dims = shape_.head_dim, kv_head = head / shape_.heads_per_kv_head;
  const float* const q = q_.data() + (token * shape_.kv_heads * shape_.heads_per_kv_head + head) * dims;
  std::vector<double> out(static_cast<std::size_t>(dims));
  double total = 0;
  for (std::int64_t p = 0; p < shape_.context - tokens_ + token + 1; ++p) {
    const std::int64_t at = (p * shape_.kv_heads + kv_head) * dims;
    double score = 0;
    for (std::int64_t d = 0; d < dims; ++d)
      score += static_cast<double>(q[d]) * keys_[static_cast<std::size_t>(at + d)];
    // Scores of such values are small: no maximum need be taken off in float64.
    const double weight = std::exp(score / std::sqrt(static_cast<double>(dims)));
    total += weight;
    for (std::int64_t d = 0; d < dims; ++d)
      out[static_cast<std::size_t>(d)] +=
          weight * static_cast<double>(values_[static_cast<std::size_t>(at + d)]);
  }
  for (double& v : out) v /= total;
  return out;
}

LINNET_INLINE double AttentionExperiment::error() const {
  const std::int64_t heads = shape_.kv_heads * shape_.heads_per_kv_head;
  RelativeError error;
  for (std::int64_t t = 0; t < tokens_; t += std::max<std::int64_t>(1, tokens_ - 1))
    for (std::int64_t h = 0; h < heads; h += heads / 4) {
      const std::vector<double> exact = expected(t, h);
      const float* const found = out_.data() + (t * heads + h) * shape_.head_dim;
      for (std::size_t d = 0; d < exact.size(); ++d) error.add(static_cast<double>(found[d]), exact[d]);
    }
  return error.value();
}

}  // namespace linnet::laboratory
