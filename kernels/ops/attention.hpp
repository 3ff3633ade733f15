// ops/attention.hpp - streaming softmax attention over pages of keys and values. Never holds more than a page
// of scores.
#pragma once

#include <linnet/kernels/kv_page.hpp>
#include <linnet/kernels/table.hpp>

#include "float_values.hpp"
#include "vector.hpp"

namespace linnet::kernels {

/// Queries whose products with one page are formed side by side: as many as leave their sums in registers.
template <class V>
inline constexpr int query_tile = V::size >= 16  ? 4
                                  : V::size >= 4 ? 2
                                                 : 1;

/// The keys of a page as floats, [length][page_length].
template <class Isa, class Format>
LINNET_ALWAYS_INLINE void unpack_keys(const std::byte* keys, std::int64_t length, float* floats) {
  if constexpr (Format::dtype == DType::q8_0) {
    const auto* const bytes = reinterpret_cast<const std::int8_t*>(keys);
    const auto* const scales = reinterpret_cast<const Half*>(keys + length * page_length);
    for (std::int64_t block = 0; block < length / Format::block_length; ++block) {
      float scale[page_length];
      for (std::int64_t t = 0; t < page_length; ++t) scale[t] = to_float(scales[block * page_length + t]);
      for (std::int64_t i = block * Format::block_length; i < (block + 1) * Format::block_length; ++i)
        for (std::int64_t t = 0; t < page_length; ++t)
          floats[i * page_length + t] = scale[t] * static_cast<float>(bytes[i * page_length + t]);
    }
  } else {
    unpack<Isa, Format>(keys, 0, length * page_length, floats);
  }
}

/// One call's memory and the queries, which are numbered token by token, head by head.
struct AttentionState {
  const AttentionArgs& a;
  std::int64_t row_length;  // values of a row in the cache
  float* keys;              // [row_length][page_length]
  float* values;            // [page_length][row_length]
  float* scores;            // [queries][page_length]
  float* maxima;            // [queries]
  float* totals;            // [queries]
  float* keeps;             // [queries]: what the sums so far are multiplied by

  LINNET_ALWAYS_INLINE std::int64_t first_page() const {
    return a.window > 0 && a.key_end > a.window ? (a.key_end - a.window) / page_length : 0;
  }
  LINNET_ALWAYS_INLINE std::int64_t queries() const { return a.tokens * a.heads; }
  LINNET_ALWAYS_INLINE const float* q(std::int64_t i) const {
    return a.q + i / a.heads * a.q_stride + i % a.heads * a.head_dim;
  }
  LINNET_ALWAYS_INLINE float* out(std::int64_t i) const {
    return a.out + i / a.heads * a.out_stride + i % a.heads * a.head_dim;
  }
  /// The positions within a page that a query sees: [first, last), empty where last <= first.
  LINNET_ALWAYS_INLINE std::int64_t first(std::int64_t i, std::int64_t page) const {
    const std::int64_t begin = a.window > 0 ? a.key_end + i / a.heads - a.window : 0;
    return begin > page * page_length ? begin - page * page_length : 0;
  }
  LINNET_ALWAYS_INLINE std::int64_t last(std::int64_t i, std::int64_t page) const {
    const std::int64_t end = a.key_end + i / a.heads - page * page_length;
    return end < page_length ? end : page_length;
  }
};

/// scores[i] = scale * (q[i] . keys) for Queries queries and all positions of the page.
template <class V, int Queries>
LINNET_ALWAYS_INLINE void score_page(const AttentionState& s, std::int64_t i) {
  constexpr int vectors = page_length / static_cast<int>(V::size);
  V sums[Queries][vectors];
  const float* q[Queries];
  for (int n = 0; n < Queries; ++n) q[n] = s.q(i + n);
  for (auto& row : sums)
    for (V& sum : row) sum = V(0.0f);
  for (std::int64_t d = 0; d < s.a.head_dim; ++d) {
    V key[vectors];
    for (int v = 0; v < vectors; ++v)
      key[v] = V::load_unaligned(s.keys + d * page_length + v * static_cast<int>(V::size));
    for (int n = 0; n < Queries; ++n) {
      const V value(q[n][d]);
      for (int v = 0; v < vectors; ++v) sums[n][v] = fma(value, key[v], sums[n][v]);
    }
  }
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < vectors; ++v)
      V(sums[n][v] * V(s.a.scale))
          .store_unaligned(s.scores + (i + n) * page_length + v * static_cast<int>(V::size));
}

/// Turns a query's scores into exp(score - maximum), zero where it sees nothing, and moves the running
/// softmax on.
template <class V>
LINNET_ALWAYS_INLINE void soften(const AttentionState& s, std::int64_t i, std::int64_t page) {
  float* const scores = s.scores + i * page_length;
  const std::int64_t first = s.first(i, page), last = s.last(i, page);
  s.keeps[i] = 1;
  if (last <= first) return;
  if (s.a.soft_cap != 0)
    transform<V>(scores, scores, page_length, [&](V score) {
      return V(V(s.a.soft_cap) * hyperbolic_tangent(V(score / V(s.a.soft_cap))));
    });
  const float before = s.maxima[i];
  float maximum = before;
  for (std::int64_t t = first; t < last; ++t) maximum = scores[t] > maximum ? scores[t] : maximum;
  transform<V>(scores, scores, page_length, [&](V score) { return exponential(V(score - V(maximum))); });
  for (std::int64_t t = 0; t < first; ++t) scores[t] = 0;
  for (std::int64_t t = last; t < page_length; ++t) scores[t] = 0;
  LaneSums<V> added;
  for (std::int64_t t = 0; t < page_length; t += LaneSums<V>::lanes)
    for (int v = 0; v < LaneSums<V>::vectors; ++v)
      added.part[v] = added.part[v] + V::load_unaligned(scores + t + v * static_cast<int>(V::size));
  if (maximum != before) s.keeps[i] = std::exp(before - maximum);
  s.totals[i] = s.totals[i] * s.keeps[i] + added.total();
  s.maxima[i] = maximum;
}

/// out[i] = keep * out[i] + weights . values over the positions [first, last), for Queries queries and
/// Vectors vectors of values from d on, of which `left` values are there.
template <class V, int Queries, int Vectors>
LINNET_ALWAYS_INLINE void mix_values(const AttentionState& s, std::int64_t i, std::int64_t first,
                                     std::int64_t last, std::int64_t d, std::int64_t left) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  V sums[Queries][Vectors];
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < Vectors; ++v)
      sums[n][v] = V(s.keeps[i + n]) * load<V>(s.out(i + n) + d + v * size, left - v * size);
  for (std::int64_t t = first; t < last; ++t) {
    V value[Vectors];
    for (int v = 0; v < Vectors; ++v)
      value[v] = load<V>(s.values + t * s.row_length + d + v * size, left - v * size);
    for (int n = 0; n < Queries; ++n) {
      const V weight(s.scores[(i + n) * page_length + t]);
      for (int v = 0; v < Vectors; ++v) sums[n][v] = fma(weight, value[v], sums[n][v]);
    }
  }
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < Vectors; ++v) store(sums[n][v], s.out(i + n) + d + v * size, left - v * size);
}

template <class V, int Queries>
LINNET_ALWAYS_INLINE void mix_page(const AttentionState& s, std::int64_t i, std::int64_t page) {
  constexpr int vectors = 4;
  constexpr auto size = static_cast<std::int64_t>(V::size);
  const std::int64_t first = s.first(i, page), last = s.last(i, page);
  if (last <= first) return;
  std::int64_t d = 0;
  for (; d + vectors * size <= s.a.head_dim; d += vectors * size)
    mix_values<V, Queries, vectors>(s, i, first, last, d, vectors * size);
  for (; d < s.a.head_dim; d += size) mix_values<V, Queries, 1>(s, i, first, last, d, s.a.head_dim - d);
}

/// Whether all queries of a tile see the same positions of a page. What a query does not see is never
/// touched, not even by a weight of zero: it may be another sequence's.
LINNET_ALWAYS_INLINE bool see_the_same(const AttentionState& s, std::int64_t i, int queries,
                                       std::int64_t page) {
  for (std::int64_t n = i + 1; n < i + queries; ++n)
    if (s.first(n, page) != s.first(i, page) || s.last(n, page) != s.last(i, page)) return false;
  return true;
}

template <class V>
LINNET_ALWAYS_INLINE void attend_page(const AttentionState& s, std::int64_t page) {
  constexpr int tile = query_tile<V>;
  const std::int64_t queries = s.queries();
  std::int64_t i = 0;
  for (; i + tile <= queries; i += tile) score_page<V, tile>(s, i);
  for (; i < queries; ++i) score_page<V, 1>(s, i);
  for (i = 0; i < queries; ++i) soften<V>(s, i, page);
  for (i = 0; i < queries;) {
    if (i + tile <= queries && see_the_same(s, i, tile, page)) {
      mix_page<V, tile>(s, i, page);
      i += tile;
    } else {
      mix_page<V, 1>(s, i, page);
      ++i;
    }
  }
}

template <class Isa, class Format>
void attention(const AttentionArgs& a) noexcept {
  using V = typename Isa::Vector;
  constexpr std::int64_t block =
      Format::block_length;  // page_row_length() would look it up in a shared table
  const std::int64_t length = (a.head_dim + block - 1) / block * block;
  float* const keys = a.scratch;
  float* const values = keys + page_length * length;
  float* const scores = values + page_length * length;
  float* const maxima = scores + a.tokens * a.heads * page_length;
  const std::int64_t queries = a.tokens * a.heads;
  const AttentionState s{a, length, keys, values, scores, maxima, maxima + queries, maxima + 2 * queries};
  for (std::int64_t i = 0; i < queries; ++i) {
    s.maxima[i] = -INFINITY;
    s.totals[i] = 0;
    for (std::int64_t d = 0; d < a.head_dim; ++d) s.out(i)[d] = 0;
  }
  const std::int64_t end = a.key_end + a.tokens - 1;
  for (std::int64_t page = s.first_page(); page * page_length < end; ++page) {
    unpack_keys<Isa, Format>(a.pages[page] + a.k_offset, length, s.keys);
    unpack<Isa, Format>(a.pages[page] + a.v_offset, 0, length * page_length, s.values);
    attend_page<V>(s, page);
  }
  for (std::int64_t i = 0; i < queries; ++i) {
    const V inverse(1.0f / s.totals[i]);
    transform<V>(s.out(i), s.out(i), a.head_dim, [&](V o) { return V(o * inverse); });
  }
}

}  // namespace linnet::kernels
