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

/// One query of a call; they are numbered token by token, head by head.
struct Query {
  const AttentionArgs* a;
  std::int64_t token = 0, head = 0;

  LINNET_ALWAYS_INLINE void next() {
    if (++head == a->heads) ++token, head = 0;
  }
  LINNET_ALWAYS_INLINE const float* q() const { return a->q + token * a->q_stride + head * a->head_dim; }
  LINNET_ALWAYS_INLINE float* out() const { return a->out + token * a->out_stride + head * a->head_dim; }
};

/// The positions within a page that a token sees: [first, last), empty where last <= first.
struct Seen {
  std::int64_t first, last;

  LINNET_ALWAYS_INLINE Seen(const AttentionArgs& a, std::int64_t token, std::int64_t page) {
    const std::int64_t start = page * page_length, end = a.key_end + token;
    first = a.window > 0 && end - a.window > start ? end - a.window - start : 0;
    last = end - start < page_length ? end - start : page_length;
  }
  LINNET_ALWAYS_INLINE bool is_empty() const { return last <= first; }
  LINNET_ALWAYS_INLINE bool is_whole() const { return first == 0 && last == page_length; }
  LINNET_ALWAYS_INLINE bool operator==(const Seen&) const = default;
};

/// A softmax on its way through the pages, for every query of a call.
struct AttentionState {
  static constexpr std::int64_t lanes = LaneSums<ScalarVector>::lanes;  // the same for every vector
  const AttentionArgs& a;
  std::int64_t row_length;  // values of a row in the cache
  float* scores;            // [queries][page_length]
  float* totals;            // [queries][lanes]
  float* maxima;            // [queries]
  float* keeps;             // [queries]: what the sums so far are multiplied by

  LINNET_ALWAYS_INLINE std::int64_t queries() const { return a.tokens * a.heads; }
};

/// A page's keys or values of one head, unpacked or as they lie: a vector from index i on. Pages lie
/// anywhere, so that the processor cannot guess the next: its values are asked for while those at the same
/// indices are met.
template <class Isa>
struct UnpackedValues {
  const float* values;
  using V = typename Isa::Vector;
  LINNET_ALWAYS_INLINE V at(std::int64_t i) const { return V::load_unaligned(values + i); }
  LINNET_ALWAYS_INLINE V at(std::int64_t i, std::int64_t left) const { return load<V>(values + i, left); }
  LINNET_ALWAYS_INLINE void ask_ahead(std::int64_t, std::int64_t) const {}
};
template <class Isa, class Format>
struct StoredValues {
  const std::byte *values, *next;  // this page's and the next one's
  using V = typename Isa::Vector;
  static constexpr auto value_bytes = static_cast<std::int64_t>(sizeof(typename Format::Block));
  LINNET_ALWAYS_INLINE V at(std::int64_t i) const {
    return load_plain<Isa, Format>(values + i * value_bytes);
  }
  LINNET_ALWAYS_INLINE V at(std::int64_t i, std::int64_t left) const {
    return load_plain<Isa, Format>(values + i * value_bytes, left);
  }
  LINNET_ALWAYS_INLINE void ask_ahead(std::int64_t i, std::int64_t count) const {
    constexpr std::int64_t line = 64;
    for (std::int64_t b = 0; b < count * value_bytes; b += line)
      __builtin_prefetch(next + i * value_bytes + b, 0, 3);
  }
};

/// scores[i] = scale * (q[i] . keys) for Queries queries from `query` on, the i-th, and all positions of the
/// page.
template <class V, int Queries, class Keys>
LINNET_ALWAYS_INLINE void score_page(const AttentionState& s, Keys keys, std::int64_t i, Query& query) {
  constexpr int size = static_cast<int>(V::size), vectors = page_length / size;
  V sums[Queries][vectors];
  const float* q[Queries];
  for (int n = 0; n < Queries; ++n, query.next()) q[n] = query.q();
  for (auto& row : sums)
    for (V& sum : row) sum = V(0.0f);
  for (std::int64_t d = 0; d < s.a.head_dim; ++d) {
    keys.ask_ahead(d * page_length, page_length);
    V key[vectors];
    for (int v = 0; v < vectors; ++v) key[v] = keys.at(d * page_length + v * size);
    for (int n = 0; n < Queries; ++n) {
      const V value(q[n][d]);
      for (int v = 0; v < vectors; ++v) sums[n][v] = fma(value, key[v], sums[n][v]);
    }
  }
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < vectors; ++v)
      V(sums[n][v] * V(s.a.scale)).store_unaligned(s.scores + (i + n) * page_length + v * size);
}

/// Turns a query's scores into exp(score - maximum), zero where it sees nothing, and moves the running
/// softmax on.
template <class Isa>
LINNET_ALWAYS_INLINE void soften(const AttentionState& s, std::int64_t i, Seen seen) {
  using V = typename Isa::Vector;
  constexpr int size = static_cast<int>(V::size), vectors = page_length / size;
  using Sums = LaneSums<V>;
  s.keeps[i] = 1;
  if (seen.is_empty()) return;
  float* const scores = s.scores + i * page_length;
  if (s.a.soft_cap != 0)
    transform<V>(scores, scores, page_length, [&](V score) {
      return V(V(s.a.soft_cap) * hyperbolic_tangent(V(score / V(s.a.soft_cap))));
    });
  for (std::int64_t t = 0; t < seen.first; ++t) scores[t] = -INFINITY;
  for (std::int64_t t = seen.last; t < page_length; ++t) scores[t] = -INFINITY;
  V weights[vectors], best(-INFINITY);
  for (int v = 0; v < vectors; ++v) {
    weights[v] = V::load_unaligned(scores + v * size);
    best = max(weights[v], best);
  }
  const float before = s.maxima[i], largest = Isa::largest(best);
  const float maximum = largest > before ? largest : before;
  Sums added;
  for (int v = 0; v < vectors; ++v) {
    weights[v] = exponential(V(weights[v] - V(maximum)));
    weights[v].store_unaligned(scores + v * size);
    V& sum = added.part[v % Sums::vectors];
    sum = sum + weights[v];
  }
  if (maximum != before) s.keeps[i] = std::exp(before - maximum);
  s.maxima[i] = maximum;
  float* const totals = s.totals + i * Sums::lanes;
  for (int v = 0; v < Sums::vectors; ++v)
    fma(V::load_unaligned(totals + v * size), V(s.keeps[i]), added.part[v])
        .store_unaligned(totals + v * size);
}

/// out[i] = keep * out[i] + weights . values over the positions seen, for Queries queries and Vectors vectors
/// of values from d on, of which `left` values are there.
template <class V, int Queries, int Vectors, class Values>
LINNET_ALWAYS_INLINE void mix_values(const AttentionState& s, Values values, std::int64_t i,
                                     float* const (&out)[Queries], Seen seen, std::int64_t d,
                                     std::int64_t left) {
  constexpr auto size = static_cast<std::int64_t>(V::size);
  V sums[Queries][Vectors];
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < Vectors; ++v)
      sums[n][v] = V(s.keeps[i + n]) * load<V>(out[n] + d + v * size, left - v * size);
  for (std::int64_t t = seen.first; t < seen.last; ++t) {
    values.ask_ahead(t * s.row_length + d, Vectors * size);
    V value[Vectors];
    for (int v = 0; v < Vectors; ++v) value[v] = values.at(t * s.row_length + d + v * size, left - v * size);
    for (int n = 0; n < Queries; ++n) {
      const V weight(s.scores[(i + n) * page_length + t]);
      for (int v = 0; v < Vectors; ++v) sums[n][v] = fma(weight, value[v], sums[n][v]);
    }
  }
  for (int n = 0; n < Queries; ++n)
    for (int v = 0; v < Vectors; ++v) store(sums[n][v], out[n] + d + v * size, left - v * size);
}

template <class V, int Queries, class Values>
LINNET_ALWAYS_INLINE void mix_page(const AttentionState& s, Values values, std::int64_t i, Query query,
                                   Seen seen) {
  constexpr int vectors = 4;
  constexpr auto size = static_cast<std::int64_t>(V::size);
  if (seen.is_empty()) return;
  float* out[Queries];
  for (int n = 0; n < Queries; ++n, query.next()) out[n] = query.out();
  std::int64_t d = 0;
  for (; d + vectors * size <= s.a.head_dim; d += vectors * size)
    mix_values<V, Queries, vectors>(s, values, i, out, seen, d, vectors * size);
  for (; d < s.a.head_dim; d += size) mix_values<V, Queries, 1>(s, values, i, out, seen, d, s.a.head_dim - d);
}

/// What a query does not see is never touched, not even by a weight of zero: it may be another sequence's. So
/// only queries that see the same positions share a tile when values are mixed. A function of its own, since
/// two in one leave g++ short of registers.
template <class Isa, class Keys, class Values>
[[gnu::noinline]] void attend_page(const AttentionState& state, std::int64_t page, Keys keys,
                                   Values values) noexcept {
  using V = typename Isa::Vector;
  const AttentionState s = state;
  constexpr int tile = query_tile<V>;
  const std::int64_t queries = s.queries();
  Query scored{&s.a}, softened{&s.a}, mixed{&s.a};
  std::int64_t i = 0;
  for (; i + tile <= queries; i += tile) score_page<V, tile>(s, keys, i, scored);
  for (; i < queries; ++i) score_page<V, 1>(s, keys, i, scored);
  for (i = 0; i < queries; ++i, softened.next()) soften<Isa>(s, i, Seen(s.a, softened.token, page));
  for (i = 0; i < queries;) {
    const Seen seen(s.a, mixed.token, page);
    Query last = mixed;
    for (int n = 1; n < tile; ++n) last.next();
    if (i + tile <= queries && seen == Seen(s.a, last.token, page)) {
      mix_page<V, tile>(s, values, i, mixed, seen);
      i += tile;
      mixed = last;
    } else {
      mix_page<V, 1>(s, values, i, mixed, seen);
      ++i;
    }
    mixed.next();
  }
}

template <class Isa, class Format>
void attention(const AttentionArgs& a) noexcept {
  using V = typename Isa::Vector;
  constexpr std::int64_t block =
      Format::block_length;  // page_row_length() would look it up in a shared table
  constexpr std::int64_t lanes = AttentionState::lanes;
  const std::int64_t length = (a.head_dim + block - 1) / block * block;
  const std::int64_t queries = a.tokens * a.heads;
  float* const keys = a.scratch;                      // [length][page_length]
  float* const values = keys + page_length * length;  // [page_length][length]
  float* const scores = values + page_length * length;
  float* const totals = scores + queries * page_length;
  const AttentionState s{a, length, scores, totals, totals + queries * lanes, totals + queries * (lanes + 1)};
  std::int64_t i = 0;
  for (Query query{&a}; i < queries; ++i, query.next()) {
    s.maxima[i] = -INFINITY;
    for (std::int64_t l = 0; l < lanes; ++l) s.totals[i * lanes + l] = 0;
    for (std::int64_t d = 0; d < a.head_dim; ++d) query.out()[d] = 0;
  }
  const std::int64_t end = a.key_end + a.tokens - 1;
  const std::int64_t first = a.window > 0 && a.key_end > a.window ? (a.key_end - a.window) / page_length : 0;
  for (std::int64_t page = first; page * page_length < end; ++page) {
    const std::byte* const stored_keys = a.pages[page] + a.k_offset;
    const std::byte* const stored_values = a.pages[page] + a.v_offset;
    if constexpr (is_plain<Format>) {
      // Where unpacking would be a copy, or each value is met once.
      if (Format::dtype == DType::f32 || queries <= query_tile<V>) {
        using Stored = StoredValues<Isa, Format>;
        const std::byte* const next = (page + 1) * page_length < end ? a.pages[page + 1] : a.pages[page];
        attend_page<Isa>(s, page, Stored{stored_keys, next + a.k_offset},
                         Stored{stored_values, next + a.v_offset});
        continue;
      }
    }
    unpack_keys<Isa, Format>(stored_keys, length, keys);
    unpack<Isa, Format>(stored_values, 0, length * page_length, values);
    attend_page<Isa>(s, page, UnpackedValues<Isa>{keys}, UnpackedValues<Isa>{values});
  }
  i = 0;
  for (Query query{&a}; i < queries; ++i, query.next()) {
    LaneSums<V> sums;
    for (int v = 0; v < LaneSums<V>::vectors; ++v)
      sums.part[v] = V::load_unaligned(s.totals + i * lanes + v * static_cast<int>(V::size));
    const V inverse(1.0f / sums.total());
    transform<V>(query.out(), query.out(), a.head_dim, [&](V o) { return V(o * inverse); });
  }
}

}  // namespace linnet::kernels
