// ops/attention.hpp - streaming softmax attention over pages of keys and values. Never holds more than a page
// of scores.
#pragma once

#include <linnet/kernels/table.hpp>

#include "matmul.hpp"
#include "vector.hpp"

namespace linnet::kernels {

/// Rows [first, last) of a page as floats: where they lie when they are floats, else unpacked into `tile`.
template <class Format>
LINNET_ALWAYS_INLINE const float* page_rows(const std::byte* page, std::int64_t first, std::int64_t last,
                                            std::int64_t row_bytes, float* tile) {
  const std::byte* rows = page + first * row_bytes;
  if constexpr (Format::dtype == DType::f32) {
    return reinterpret_cast<const float*>(rows);
  } else {
    const std::int64_t blocks = row_bytes / static_cast<std::int64_t>(sizeof(typename Format::Block));
    unpack<Format>(rows, 0, (last - first) * blocks * Format::block_length, tile);
    return tile;
  }
}

/// Scores of one head against `count` keys, and the running softmax: scales what was summed before to the new
/// maximum, and leaves exp(score - maximum) in `scores`.
template <class V>
LINNET_ALWAYS_INLINE void score_keys(const AttentionArgs& a, const float* q, const float* keys,
                                     std::int64_t stride, std::int64_t count, float* scores, float& maximum,
                                     float& total, float* out) {
  const float before = maximum;
  for (std::int64_t t = 0; t < count; ++t) scores[t] = a.scale * dot<V>(q, keys + t * stride, a.head_dim);
  if (a.soft_cap != 0)
    transform<V>(scores, scores, count, [&](V s) { return V(V(a.soft_cap) * tanh(V(s / V(a.soft_cap)))); });
  for (std::int64_t t = 0; t < count; ++t) maximum = scores[t] > maximum ? scores[t] : maximum;
  transform<V>(scores, scores, count, [&](V s) { return V(exp(V(s - V(maximum)))); });
  float added = 0;
  for (std::int64_t t = 0; t < count; ++t) added += scores[t];
  const float keep = before == maximum ? 1.0f : std::exp(before - maximum);
  total = total * keep + added;
  transform<V>(out, out, a.head_dim, [&](V o) { return V(o * V(keep)); });
}

template <class Isa, class Format>
void attention(const AttentionArgs& a) noexcept {
  using V = typename Isa::Vector;
  const std::int64_t stride =
      a.row_bytes / static_cast<std::int64_t>(sizeof(typename Format::Block)) * Format::block_length;
  float* const tile = a.scratch;
  float* const scores = tile + a.page_length * stride;
  float* const maxima = scores + a.heads * a.page_length;
  float* const totals = maxima + a.heads;
  for (std::int64_t h = 0; h < a.heads; ++h) maxima[h] = -INFINITY, totals[h] = 0;
  for (std::int64_t i = 0; i < a.heads * a.head_dim; ++i) a.out[i] = 0;

  for (std::int64_t page = a.key_begin / a.page_length; page * a.page_length < a.key_end; ++page) {
    const std::int64_t start = page * a.page_length;
    const std::int64_t first = a.key_begin > start ? a.key_begin - start : 0;
    const std::int64_t last = a.key_end - start < a.page_length ? a.key_end - start : a.page_length;
    const float* keys = page_rows<Format>(a.pages[page] + a.k_offset, first, last, a.row_bytes, tile);
    for (std::int64_t h = 0; h < a.heads; ++h)
      score_keys<V>(a, a.q + h * a.head_dim, keys, stride, last - first, scores + h * a.page_length,
                    maxima[h], totals[h], a.out + h * a.head_dim);
    const float* values = page_rows<Format>(a.pages[page] + a.v_offset, first, last, a.row_bytes, tile);
    for (std::int64_t h = 0; h < a.heads; ++h)
      for (std::int64_t t = 0; t < last - first; ++t) {
        const V weight(scores[h * a.page_length + t]);
        transform<V>(values + t * stride, a.out + h * a.head_dim, a.out + h * a.head_dim, a.head_dim,
                     [&](V v, V o) { return V(fma(weight, v, o)); });
      }
  }
  for (std::int64_t h = 0; h < a.heads; ++h) {
    const V inverse(1.0f / totals[h]);
    float* out = a.out + h * a.head_dim;
    transform<V>(out, out, a.head_dim, [&](V o) { return V(o * inverse); });
  }
}

}  // namespace linnet::kernels
