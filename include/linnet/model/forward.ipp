// model/forward.ipp - the body of forward.hpp.
#pragma once

#include <cstring>

#include <linnet/model/forward.hpp>

namespace linnet {

/// Token embeddings, and the angles that the batch's positions turn by.
LINNET_INLINE void ForwardPass::embed(Team& team) {
  const TensorView& table = weights_.token_embedding;
  team.for_chunks(tokens_, 1, [&](std::int64_t t, std::int64_t) {
    float* x = s_.stream + t * width_;
    quant::dequantize(table.type, table.data + row(t).token * table.row_bytes(),
                      {x, static_cast<std::size_t>(width_)});
    // Each row that is read brings its neighbours into memory: 512 tokens, most of the embedding.
    constexpr std::int64_t often = 8;
    if (file_ && ((t + 1) % often == 0 || t + 1 == tokens_))
      file_->release({table.data, static_cast<std::size_t>(table.bytes())});
    if (spec_.embedding_scale != 1)
      for (std::int64_t i = 0; i < width_; ++i) x[i] *= spec_.embedding_scale;
    for (std::size_t r = 0; r < spec_.ropes.size(); ++r) {
      const int rope = static_cast<int>(r);
      rope_angles(frequencies_[2 * r + (row(t).long_factors ? 1 : 0)], spec_.ropes[r].magnitude,
                  row(t).position, angles(s_.cosine, rope, t), angles(s_.sine, rope, t));
    }
  });
}

LINNET_INLINE void ForwardPass::norm_row(const NormWeights& weights, std::int64_t length, const float* x,
                                         float* y) const {
  const kernels::Norm norm = spec_.norm == NormKind::rms ? kernels_.rms_norm : kernels_.layer_norm;
  norm(x, weights.weight.data(), weights.bias.empty() ? nullptr : weights.bias.data(), spec_.norm_epsilon,
       length, y);
}

LINNET_INLINE void ForwardPass::normalise(Team& team, const float* x, const NormWeights& weights, float* y) {
  team.for_chunks(tokens_, 1, [&](std::int64_t t, std::int64_t) {
    norm_row(weights, width_, x + t * width_, y + t * width_);
  });
}

/// stream += added, normalised first where the model does that.
LINNET_INLINE void ForwardPass::add(Team& team, const NormWeights& post_norm) {
  team.for_chunks(tokens_, 1, [&](std::int64_t t, std::int64_t) {
    float* added = s_.added + t * width_;
    if (!post_norm.weight.empty()) norm_row(post_norm, width_, added, added);
    kernels_.add_scaled(added, 1, width_, s_.stream + t * width_);
  });
}

/// y = [parts] x, the rows of all parts one after the other, shared out as one loop over chunks of rows.
LINNET_INLINE void ForwardPass::multiply(Team& team, std::span<const Linear> parts, const float* x,
                                         std::int64_t x_stride, std::int64_t tokens, float* y,
                                         std::int64_t y_stride) {
  if (observer_) team.once([&] { observer_(parts, x, x_stride, tokens); });
  std::int64_t rows = 0;
  bool any = false;
  for (const Linear& part : parts) rows += part.weight.rows(), any = any || is_packed(part);
  if (any) pack_activations(team, x, x_stride, tokens, parts[0].weight.cols());

  // Each chunk walks through all activations, which costs tiles more than it does others.
  const std::int64_t chunks_per_thread = is_tiled(tokens) ? 4 : 8;
  const std::int64_t grain =
      std::max(whole_groups, rows / (chunks_per_thread * team.count()) / whole_groups * whole_groups);
  std::int64_t chunks = 0;
  for (const Linear& part : parts) chunks += (part.weight.rows() + grain - 1) / grain;
  team.for_chunks(chunks, 1, [&](std::int64_t chunk, std::int64_t) {
    float* out = y;  // of the part that the chunk lies in
    for (const Linear& part : parts) {
      const std::int64_t count = (part.weight.rows() + grain - 1) / grain;
      if (chunk < count) {
        const std::int64_t first = chunk * grain, last = std::min(first + grain, part.weight.rows());
        return multiply_rows(team, part, first, last, x, x_stride, tokens, out, y_stride);
      }
      chunk -= count;
      out += part.weight.rows();
    }
  });
  if (!adapters_.empty()) adapters_.add(team, kernels_, parts, x, x_stride, tokens, y, y_stride);
}

/// The activations of every token as packed weights want them.
LINNET_INLINE void ForwardPass::pack_activations(Team& team, const float* x, std::int64_t x_stride,
                                                 std::int64_t tokens, std::int64_t cols) {
  if (is_tiled(tokens)) {
    const kernels::TiledActivations tiles{s_.activations, cols, tokens};
    team.for_chunks(tokens, 1, [&](std::int64_t t, std::int64_t) {
      kernels_.tile_activations(x + t * x_stride, tiles, t);
    });
    return;
  }
  // Shared out by columns: the tokens of a tile lie in the same cache lines, which threads would take from
  // each other. Rows are read in long runs where there are enough tiles, since memory answers those sooner.
  const kernels::Activations bytes{s_.activations, cols, tokens, kernels_.token_tile};
  const std::int64_t run = bytes.tiles() < 4 * team.count() ? 256 : 2048;
  const std::int64_t piece = tokens < 4 ? cols : run, pieces = (cols + piece - 1) / piece;
  team.for_chunks(bytes.tiles() * pieces, 1, [&](std::int64_t task, std::int64_t) {
    const std::int64_t first = bytes.tile_first(task / pieces), begin = task % pieces * piece;
    for (std::int64_t t = first; t < first + bytes.width_at(first); ++t)
      kernels_.quantize_activations(x + t * x_stride, bytes, t, begin, std::min(begin + piece, cols));
  });
}

/// Rows [first, last) of a matrix that was packed: the first of all rows at `packed`.
LINNET_INLINE void ForwardPass::multiply_packed(Team& team, const TensorView& w, const std::byte* packed,
                                                std::int64_t first, std::int64_t last, std::int64_t tokens,
                                                float* y, std::int64_t y_stride) const {
  if (is_tiled(tokens)) {
    kernels::entry(kernels_.tiled_matmul, w.type)({.weights = packed,
                                                   .row_begin = first,
                                                   .row_end = last,
                                                   .x = {s_.activations, w.cols(), tokens},
                                                   .y = y,
                                                   .y_stride = y_stride,
                                                   .scratch = s_.tiles + team.index() * s_.tiles_length});
  } else {
    kernels::entry(kernels_.packed_matmul,
                   w.type)({.weights = packed,
                            .row_begin = first,
                            .row_end = last,
                            .x = {s_.activations, w.cols(), tokens, kernels_.token_tile},
                            .y = y,
                            .y_stride = y_stride});
  }
}

/// Rows [first, last) of one matrix.
LINNET_INLINE void ForwardPass::multiply_rows(Team& team, const Linear& part, std::int64_t first,
                                              std::int64_t last, const float* x, std::int64_t x_stride,
                                              std::int64_t tokens, float* y, std::int64_t y_stride) const {
  const TensorView& w = part.weight;
  if (part.packed) {
    multiply_packed(team, w, part.packed, first, last, tokens, y, y_stride);
  } else if (is_packed(part)) {
    std::byte* const panel = s_.panels + team.index() * s_.panel_length;
    const std::int64_t rows = rows_of_panel(w);
    for (std::int64_t row = first; row < last; row += rows) {
      const std::int64_t count = std::min(rows, last - row);
      kernels::entry(kernels_.interleave, w.type)(w.data + row * w.row_bytes(), w.row_bytes(), w.cols(), 0,
                                                  count, panel);
      multiply_packed(team, w, panel, 0, count, tokens, y + row, y_stride);
    }
  } else {
    kernels::entry(kernels_.matmul, w.type)({.weights = w.data,
                                             .row_bytes = w.row_bytes(),
                                             .cols = w.cols(),
                                             .row_begin = first,
                                             .row_end = last,
                                             .x = x,
                                             .x_stride = x_stride,
                                             .tokens = tokens,
                                             .y = y,
                                             .y_stride = y_stride});
  }
  if (part.bias.empty()) return;
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t r = first; r < last; ++r) y[t * y_stride + r] += part.bias[static_cast<std::size_t>(r)];
}

/// added = output(softmax(q k) v), and the batch's keys and values go to the cache.
LINNET_INLINE void ForwardPass::attention(Team& team, std::int64_t index, const LayerSpec& layer,
                                          const LayerWeights& weights) {
  multiply(team, weights.query_key_value, s_.normed, width_, tokens_, s_.qkv, s_.qkv_width);
  team.for_chunks(tokens_, 1, [&](std::int64_t t, std::int64_t) { place(index, layer, weights, t); });
  const std::int64_t group = layer.heads / layer.kv_heads;
  const std::int64_t most =
      std::max<std::int64_t>(1, queries_at_once(index, layer.heads, team.count()) / group);
  std::int64_t tiles = 0;
  for (std::int64_t t = 0; t < tokens_; t += run_length(t, most)) ++tiles;
  team.for_chunks(tiles * layer.kv_heads, 1, [&](std::int64_t item, std::int64_t) {
    std::int64_t t = 0;
    for (std::int64_t tile = item / layer.kv_heads; tile > 0; --tile) t += run_length(t, most);
    attend(team, index, layer, t, run_length(t, most), item % layer.kv_heads);
  });
  multiply(team, {&weights.attention_output, 1}, s_.attended, s_.attended_width, tokens_, s_.added, width_);
}

/// Normalises and rotates one token's queries and keys, and stores its keys and values.
LINNET_INLINE void ForwardPass::place(std::int64_t index, const LayerSpec& layer, const LayerWeights& weights,
                                      std::int64_t t) {
  float* const q = s_.qkv + t * s_.qkv_width;
  float* const k = q + layer.heads * spec_.head_dim;
  float* const v = k + layer.kv_heads * spec_.head_dim;
  const BatchRow& token = row(t);
  for (std::int64_t h = 0; h < layer.heads + layer.kv_heads; ++h) {
    float* const head = q + h * spec_.head_dim;  // keys follow queries
    if (spec_.query_key_norm) {
      const NormWeights& norm = h < layer.heads ? weights.query_norm : weights.key_norm;
      kernels_.rms_norm(head, norm.weight.data(), nullptr, spec_.norm_epsilon, spec_.head_dim, head);
    }
    if (layer.rope < 0) continue;
    const RopeSpec& rope = spec_.ropes[static_cast<std::size_t>(layer.rope)];
    const kernels::Rope rotate =
        rope.style == RopeStyle::halves ? kernels_.rope_halves : kernels_.rope_interleaved;
    rotate(head, angles(s_.cosine, layer.rope, t), angles(s_.sine, layer.rope, t), rope.dims / 2);
  }
  std::byte* const page = token.pages[cache_.group_of(index)][token.position / KvCache::page_length];
  const DType type = cache_.type();
  const std::int64_t slot = token.position % KvCache::page_length;
  for (std::int64_t h = 0; h < layer.kv_heads; ++h) {
    kernels::store_key(type, k + h * spec_.head_dim, spec_.head_dim, page + cache_.key_offset(index, h),
                       slot);
    kernels::store_value(type, v + h * spec_.head_dim, spec_.head_dim, page + cache_.value_offset(index, h),
                         slot);
  }
}

/// How many rows from t on, at most `most`, are neighbouring tokens of one sequence.
LINNET_INLINE std::int64_t ForwardPass::run_length(std::int64_t t, std::int64_t most) const {
  std::int64_t length = 1;
  while (length < most && t + length < tokens_ && row(t + length).pages == row(t).pages) ++length;
  return length;
}

/// The query heads that share one key/value head, for `count` tokens of one sequence.
LINNET_INLINE void ForwardPass::attend(Team& team, std::int64_t index, const LayerSpec& layer, std::int64_t t,
                                       std::int64_t count, std::int64_t kv_head) {
  const BatchRow& token = row(t);
  const std::int64_t group = layer.heads / layer.kv_heads;
  const std::int64_t head = kv_head * group * spec_.head_dim;
  const bool tiled = is_attention_tiled(index) && !is_alone(t);
  float* const scratch = tiled ? reinterpret_cast<float*>(s_.tiles + team.index() * s_.tiles_length)
                               : s_.attention + team.index() * s_.attention_length;
  kernels::entry(tiled ? kernels_.tiled_attention : kernels_.attention,
                 cache_.type())({.q = s_.qkv + t * s_.qkv_width + head,
                                 .q_stride = s_.qkv_width,
                                 .tokens = count,
                                 .heads = group,
                                 .head_dim = spec_.head_dim,
                                 .pages = token.pages[cache_.group_of(index)],
                                 .k_offset = cache_.key_offset(index, kv_head),
                                 .v_offset = cache_.value_offset(index, kv_head),
                                 .key_end = token.position + 1,
                                 .window = layer.window,
                                 .scale = spec_.attention_scale,
                                 .soft_cap = spec_.attention_soft_cap,
                                 .out = s_.attended + t * s_.attended_width + head,
                                 .out_stride = s_.attended_width,
                                 .scratch = scratch});
}

LINNET_INLINE void ForwardPass::feed_forward(Team& team, const LayerSpec& layer,
                                             const LayerWeights& weights) {
  if (spec_.experts > 0) return mix_experts(team, layer, weights);
  network(team, weights.feed_forwards[0], layer.feed_forward, s_.normed, tokens_, s_.added);
}

/// y = down(activation(gate x) * up x), or down(activation(up x)).
LINNET_INLINE void ForwardPass::network(Team& team, const FeedForward& weights, std::int64_t width,
                                        const float* x, std::int64_t tokens, float* y) {
  multiply(team, weights.in, x, width_, tokens, s_.hidden, s_.hidden_width);
  const bool silu = spec_.activation == Activation::silu;
  team.for_chunks(tokens, 1, [&](std::int64_t t, std::int64_t) {
    float* const hidden = s_.hidden + t * s_.hidden_width;
    if (spec_.gated) {
      (silu ? kernels_.silu_gate : kernels_.gelu_gate)(hidden, hidden + width, width, hidden);
    } else {
      kernels_.gelu(hidden, width);
    }
  });
  multiply(team, {&weights.down, 1}, s_.hidden, s_.hidden_width, tokens, y, width_);
}

/// added = the weighted sum of each token's experts. An expert runs once, over all tokens that chose it.
LINNET_INLINE void ForwardPass::mix_experts(Team& team, const LayerSpec& layer, const LayerWeights& weights) {
  multiply(team, {&weights.router, 1}, s_.normed, width_, tokens_, s_.router, spec_.experts);
  team.once([&] { choose_experts(); });
  team.for_chunks(tokens_, 1,
                  [&](std::int64_t t, std::int64_t) { std::fill_n(s_.added + t * width_, width_, 0.0f); });
  for (std::int64_t e = 0; e < spec_.experts; ++e) {
    const std::int32_t* const members = s_.members + s_.expert_start[e];
    const std::int64_t count = s_.expert_start[e + 1] - s_.expert_start[e];
    if (count == 0) continue;
    team.for_chunks(count, 1, [&](std::int64_t i, std::int64_t) {
      std::copy_n(s_.normed + members[i] / spec_.experts_used * width_, width_, s_.gathered + i * width_);
    });
    // The gathered tokens are read before the expert's output overwrites them.
    network(team, weights.feed_forwards[static_cast<std::size_t>(e)], layer.feed_forward, s_.gathered, count,
            s_.gathered);
    team.for_chunks(count, 1, [&](std::int64_t i, std::int64_t) {
      kernels_.add_scaled(s_.gathered + i * width_, s_.chosen_weight[members[i]], width_,
                          s_.added + members[i] / spec_.experts_used * width_);
    });
  }
}

/// Fills chosen, chosen_weight, and for each expert the list of its choices.
LINNET_INLINE void ForwardPass::choose_experts() {
  const auto used = static_cast<std::size_t>(spec_.experts_used),
             all = static_cast<std::size_t>(spec_.experts);
  for (std::int64_t t = 0; t < tokens_; ++t)
    route(spec_.routing, {s_.router + t * spec_.experts, all}, {s_.chosen + t * spec_.experts_used, used},
          {s_.chosen_weight + t * spec_.experts_used, used});
  std::int32_t next = 0;
  for (std::int64_t e = 0; e < spec_.experts; ++e) {
    s_.expert_start[e] = next;
    for (std::int64_t i = 0; i < tokens_ * spec_.experts_used; ++i)
      if (s_.chosen[i] == e) s_.members[next++] = static_cast<std::int32_t>(i);
  }
  s_.expert_start[spec_.experts] = next;
}

LINNET_INLINE void ForwardPass::write_logits(Team& team) {
  std::int64_t wanted = 0;
  float* const normed = states_ ? logits_ : s_.normed;
  for (std::int64_t t = 0; t < tokens_; ++t) {
    if (!row(t).wants_logits) continue;
    if (wanted % team.count() == team.index())
      norm_row(weights_.output_norm, width_, s_.stream + t * width_, normed + wanted * width_);
    ++wanted;
  }
  if (wanted == 0 || states_) return;
  team.barrier();
  multiply(team, {&weights_.output, 1}, s_.normed, width_, wanted, logits_, spec_.vocabulary);
  if (spec_.logit_soft_cap == 0) return;
  team.for_chunks(wanted, 1, [&](std::int64_t i, std::int64_t) {
    kernels_.soft_cap(logits_ + i * spec_.vocabulary, spec_.logit_soft_cap, spec_.vocabulary);
  });
}

}  // namespace linnet
