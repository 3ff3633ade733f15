// model/scratch.hpp - the memory that a forward pass works in, laid out once. Never grows.
#pragma once

#include <algorithm>
#include <cstdint>

#include <linnet/base/buffer.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/kv_cache.hpp>
#include <linnet/model/spec.hpp>

namespace linnet {

/// Pointers into one buffer. `batch` is the most tokens that one pass computes.
struct Scratch {
  /// Queries that share a page while it is unpacked, unless one group of heads is more.
  static constexpr std::int64_t attention_queries = 32;

  float* stream = nullptr;    // [batch, embedding]: the residual stream
  float* normed = nullptr;    // [batch, embedding]: what attention and feed-forward read
  float* qkv = nullptr;       // [batch, qkv_width]: queries, keys, values of a layer
  float* attended = nullptr;  // [batch, heads * head_dim]
  float* hidden = nullptr;    // [batch, 2 * feed_forward]: gate and up
  float* added = nullptr;     // [batch, embedding]: what a block adds to the stream
  float* cosine = nullptr;    // [ropes, batch, dims / 2], likewise sine
  float* sine = nullptr;
  float* attention = nullptr;            // [threads, attention_length]
  std::byte* activations = nullptr;      // kernels::Activations of a batch, or TiledActivations
  std::byte* tiles = nullptr;            // [threads, tiles_length]: for tile registers
  std::byte* panels = nullptr;           // [threads, panel_length]: weights packed as they are read
  float* router = nullptr;               // [batch, experts]
  float* gathered = nullptr;             // [batch, embedding]: the tokens of one expert
  std::int32_t* chosen = nullptr;        // [batch, experts_used]: expert of a token
  float* chosen_weight = nullptr;        // [batch, experts_used]
  std::int32_t* expert_start = nullptr;  // [experts + 1]: where an expert's tokens start in `members`
  std::int32_t* members = nullptr;       // [batch * experts_used]: index into `chosen`

  std::int64_t qkv_width = 0, attended_width = 0, hidden_width = 0, rope_pairs = 0, attention_length = 0,
               tiles_length = 0, panel_length = 0;

  /// Assigns all pointers from `base` on (null to learn the size alone). Returns the bytes taken.
  /// @param panel_bytes  bytes_of_panel() where weights are packed as they are read; else 0
  std::size_t lay_out(const Spec& spec, std::int64_t batch, int threads, std::int64_t row_length,
                      bool with_tiles, std::int64_t panel_bytes, std::byte* base) {
    std::int64_t group = 1;
    for (const LayerSpec& layer : spec.layers) {
      qkv_width = std::max(qkv_width, (layer.heads + 2 * layer.kv_heads) * spec.head_dim);
      attended_width = std::max(attended_width, layer.heads * spec.head_dim);
      hidden_width = std::max(hidden_width, 2 * layer.feed_forward);
      group = std::max(group, layer.heads / layer.kv_heads);
    }
    for (const RopeSpec& rope : spec.ropes) rope_pairs = std::max(rope_pairs, rope.dims / 2);
    attention_length = kernels::attention_scratch(std::max(group, attention_queries), row_length);

    std::size_t offset = 0;
    const auto take = [&](auto*& pointer, std::int64_t count) {
      constexpr std::size_t alignment = 64;  // a vector register, and a cache line that no two arrays share
      using T = std::remove_reference_t<decltype(*pointer)>;
      if (base) pointer = reinterpret_cast<T*>(base + offset);
      offset += (static_cast<std::size_t>(count) * sizeof(T) + alignment - 1) / alignment * alignment;
    };
    const auto ropes = static_cast<std::int64_t>(spec.ropes.size());
    take(stream, batch * spec.embedding);
    take(normed, batch * spec.embedding);
    take(qkv, batch * qkv_width);
    take(attended, batch * attended_width);
    take(hidden, batch * hidden_width);
    take(added, batch * spec.embedding);
    take(cosine, ropes * batch * rope_pairs);
    take(sine, ropes * batch * rope_pairs);
    attention_length = (attention_length + 15) / 16 * 16;
    take(attention, threads * attention_length);
    const std::int64_t inputs = std::max({spec.embedding, attended_width, hidden_width / 2}) / 32 * 32;
    if (with_tiles) {  // for products and attention, which take turns
      const std::int64_t queries = std::min(batch * group, std::max(group, kernels::most_tiled_queries));
      tiles_length = std::max<std::int64_t>(
          kernels::TiledMatmulArgs::scratch_bytes(batch),
          kernels::tiled_attention_scratch(queries, row_length) * static_cast<std::int64_t>(sizeof(float)));
      take(tiles, threads * tiles_length);
    }
    if (panel_bytes > 0) {
      panel_length = panel_bytes;
      take(panels, threads * panel_length);
    }
    take(activations, std::max(kernels::Activations::bytes(inputs, batch),
                               with_tiles ? kernels::TiledActivations::bytes(inputs, batch) : 0));
    if (spec.experts > 0) {
      take(router, batch * spec.experts);
      take(gathered, batch * spec.embedding);
      take(chosen, batch * spec.experts_used);
      take(chosen_weight, batch * spec.experts_used);
      take(expert_start, spec.experts + 1);
      take(members, batch * spec.experts_used);
    }
    return offset;
  }
};

}  // namespace linnet
