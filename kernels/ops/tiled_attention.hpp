// ops/tiled_attention.hpp - attention of many queries on tile registers: keys, values, queries and weights as
// bfloat16, sums and the running softmax as floats. Never lets a position weigh where it is not seen.
#pragma once

#include <linnet/kernels/table.hpp>

#include "attention.hpp"
#include "tile_products.hpp"
#include "vector.hpp"

namespace linnet::kernels {

// A tile of queries is 16 of them, a block of positions four pages. Both products have their cached side on
// the right, where tiles hold pairs of rows: of keys the values at two neighbouring indices, since keys lie
// across, of values those of positions k and k + 16 of a page. Neither needs a shuffle, nor do the weights:
// two registers of scores, of a page's positions 0-15 and 16-31, become one row of pairs.
//
// With heads of 64 the vector units set the pace: a weight costs 14 instructions for each register of 16,
// two of them at a time, and the tile unit needs four sevenths of that time for its products. So while the
// vector units soften one tile of queries, the tile unit mixes the values of the one before and scores the
// one behind. The compiler is not asked to find that: products are handed out between rows (ProductQueue).
//
// What is mixed so far stays in memory, in the second cache, and is loaded and stored once for a block: that
// hides under the vector units, too, and leaves all registers to the products. A query's sums are measured
// against a maximum that may lag behind by a factor of 2^slack: only when a score exceeds it by more are they
// multiplied, which after the first blocks hardly ever happens. Floats and bfloat16 have room for that.

/// 2^x for x up to 100, to 7.5e-5 of its value: a fiftieth of what rounding it to bfloat16 may cost. From
/// -125 down it stays 2^-125, which no float notices beside 1. NaN stays NaN. 2^x = 2^n 2^f with n =
/// round(x), and 2^f by the cubic of least relative error for |f| <= 1/2.
template <class Isa>
LINNET_ALWAYS_INLINE typename Isa::Vector power_of_two(typename Isa::Vector exponent) {
  using V = typename Isa::Vector;
  constexpr float round_shift = 12582912.0f;  // as in exponential()
  const V x = max(V(-125.0f), exponent);
  const V n = V(x + V(round_shift)) - V(round_shift);
  const V f = x - n;
  V p = fma(V(0.0551716691f), f, V(0.242611122f));
  p = fma(p, f, V(0.693260985f));
  p = fma(p, f, V(0.999928074f));
  return Isa::times_power_of_two(p, n);
}

/// Keys and values that will be unpacked next, asked for a few lines at a time: they come from memory, and
/// unpacking does little else than wait for them otherwise.
class PagesAhead {
 public:
  PagesAhead(const AttentionArgs& args, std::int64_t first, std::int64_t last, std::int64_t side_bytes)
      : a_(args), page_(first), last_(last), bytes_(side_bytes) {}
  std::int64_t lines() const {
    return last_ > page_ ? 2 * (last_ - page_) * ((bytes_ + line - 1) / line) : 0;
  }
  LINNET_ALWAYS_INLINE void ask(std::int64_t lines) {
    for (; lines > 0 && page_ < last_; --lines) {
      constexpr int only_read = 0, second_cache = 2;
      __builtin_prefetch(a_.pages[page_] + (keys_ ? a_.k_offset : a_.v_offset) + at_, only_read,
                         second_cache);
      at_ += line;
      if (at_ < bytes_) continue;
      at_ = 0;
      keys_ = !keys_;
      if (keys_) ++page_;
    }
  }

 private:
  static constexpr std::int64_t line = 64;
  const AttentionArgs& a_;
  std::int64_t page_, last_, bytes_, at_ = 0;
  bool keys_ = true;
};

template <class Isa, class Format>
class TiledAttention {
  using V = typename Isa::Vector;
  using Tiles = typename Isa::Tiles;
  using Queue = ProductQueue<Tiles>;
  static constexpr std::int64_t rows = tiled_attention_queries, block_length = tiled_attention_block,
                                pages = block_length / page_length, tile_bytes = 1024, tile_floats = 256,
                                score_floats = rows * block_length;
  static constexpr float slack = 8, log2_e = 1.44269504f;
  static_assert(V::size == 16);

 public:
  /// @param length  values of a row in the cache
  TiledAttention(const AttentionArgs& args, std::int64_t length)
      : a_(args),
        length_(length),
        queries_(args.tokens * args.heads),
        chunks_((args.head_dim + 31) / 32),
        across_((args.head_dim + 15) / 16),
        page_(args.scratch),
        scores_(page_ + page_length * 32 * chunks_),
        sums_(scores_ + 3 * score_floats),
        totals_(sums_ + tiles() * across_ * tile_floats),
        maxima_(totals_ + tiles() * tile_floats),
        keys_(reinterpret_cast<std::byte*>(maxima_ + tiles() * rows)),
        values_(keys_ + 2 * pages * chunks_ * tile_bytes),
        packed_(values_ + pages * across_ * tile_bytes) {}

  /// False where it cannot be computed so: see unpack_values(). What was written then has no meaning.
  bool run() {
    Tiles::begin();
    start();
    bool done = true;
    for (block_ = begin(0) / block_length * block_length; done && block_ < end(queries_ - 1);
         block_ += block_length) {
      done = unpack();
      if (done) attend();
    }
    Tiles::end();
    if (done) finish();
    return done;
  }

 private:
  std::int64_t tiles() const { return (queries_ + rows - 1) / rows; }
  std::int64_t last_query(std::int64_t tile) const {
    return tile * rows + rows < queries_ ? tile * rows + rows - 1 : queries_ - 1;
  }
  /// The positions that a query sees.
  std::int64_t begin(std::int64_t i) const {
    const std::int64_t end_of_it = end(i);
    return a_.window > 0 && end_of_it > a_.window ? end_of_it - a_.window : 0;
  }
  std::int64_t end(std::int64_t i) const { return a_.key_end + i / a_.heads; }

  /// Queries as tiles, in units of log2 where there is no cap, of the cap where there is one.
  void start() {
    const float factor = a_.soft_cap != 0 ? a_.scale / a_.soft_cap : a_.scale * log2_e;
    for (std::int64_t i = 0; i < tiles() * rows; ++i)
      for (std::int64_t c = 0; c < chunks_; ++c)
        pack_query(
            i, c, factor,
            reinterpret_cast<BFloat16*>(packed_ + (i / rows * chunks_ + c) * tile_bytes) + i % rows * 32);
    for (std::int64_t i = 0; i < tiles() * rows; ++i) maxima_[i] = -INFINITY;
    for (std::int64_t i = 0; i < tiles() * tile_floats; ++i) totals_[i] = 0;
    for (std::int64_t i = 0; i < tiles() * across_ * tile_floats; ++i) sums_[i] = 0;
  }

  void pack_query(std::int64_t i, std::int64_t chunk, float factor, BFloat16* to) const {
    const std::int64_t left = i < queries_ ? a_.head_dim - 32 * chunk : 0;
    const float* const q = a_.q + i / a_.heads * a_.q_stride + i % a_.heads * a_.head_dim + 32 * chunk;
    if (left >= 32) {
      for (int d = 0; d < 32; ++d) to[d] = to_bfloat16(factor * q[d]);
    } else {
      for (int d = 0; d < 32; ++d) to[d] = d < left ? to_bfloat16(factor * q[d]) : BFloat16{0};
    }
  }

  /// The pages of the block that any query sees. Others are never touched: their memory may be gone.
  bool unpack() {
    for (std::int64_t j = 0; j < pages; ++j) {
      const std::int64_t page = block_ / page_length + j, first = page * page_length;
      if (first + page_length <= begin(0) || first >= end(queries_ - 1)) continue;
      unpack_keys<Isa, Format>(a_.pages[page] + a_.k_offset, length_, page_);
      pack_keys(j);
      kernels::unpack<Isa, Format>(a_.pages[page] + a_.v_offset, 0, length_ * page_length, page_);
      if (!pack_values(j, first)) return false;
    }
    return true;
  }

  /// Keys as [chunks][positions / 16][16 pairs][16][2]. Behind the head's last value they are zero, as
  /// queries are.
  void pack_keys(std::int64_t j) {
    for (std::int64_t d = 0; d < 32 * chunks_; d += 2)
      for (std::int64_t half = 0; half < 2; ++half) {
        const float* const from = page_ + d * page_length + 16 * half;
        const V even = d < a_.head_dim ? V::load_unaligned(from) : V(0.0f);
        const V odd = d + 1 < a_.head_dim ? V::load_unaligned(from + page_length) : V(0.0f);
        Isa::store_pairs(even, odd, keys_ + (d / 32 * 2 * pages + 2 * j + half) * tile_bytes + d % 32 * 32);
      }
  }

  /// Values as [page][head_dim / 16][16 pairs][16][2], zero where no query sees the position. Where only some
  /// do, the others' weights are zero: that is enough for finite values only, so others make it give up.
  bool pack_values(std::int64_t j, std::int64_t first) {
    const std::int64_t low = begin(0) - first, high = end(queries_ - 1) - first;
    V check(0.0f);  // becomes NaN by anything that is not finite, or may round to what is not
    for (std::int64_t k = 0; k < 16; ++k)
      for (std::int64_t n = 0; n < across_; ++n) {
        const auto row = [&](std::int64_t t) __attribute__((always_inline)) {
          if (t < low || t >= high) return V(0.0f);
          return load<V>(page_ + t * length_ + 16 * n, a_.head_dim - 16 * n);
        };
        const V upper = row(k), lower = row(k + 16);
        check = fma(V(upper + upper), V(0.0f), check);
        check = fma(V(lower + lower), V(0.0f), check);
        Isa::store_pairs(upper, lower, values_ + (j * across_ + n) * tile_bytes + 64 * k);
      }
    const bool all_see_it = begin(queries_ - 1) <= first + (low > 0 ? low : 0) &&
                            end(0) >= first + (high < page_length ? high : page_length);
    return all_see_it || sum(check) == 0;
  }

  /// What a tile of queries sees of the block: pages [first, last), and whether each query all of those.
  struct View {
    std::int64_t first, last;
    bool whole;
  };
  View view(std::int64_t tile) const {
    const std::int64_t top = tile * rows, bottom = last_query(tile);
    const std::int64_t low = begin(top) - block_, high = end(bottom) - block_;
    View v{low > 0 ? low / page_length : 0,
           high < block_length ? (high + page_length - 1) / page_length : pages, false};
    v.whole = begin(bottom) <= block_ + v.first * page_length && end(top) >= block_ + v.last * page_length;
    return v;
  }

  /// All queries that see something of the block.
  void attend() {
    std::int64_t first = 0, last = tiles();
    while (first < last && end(last_query(first)) <= block_) ++first;
    while (first < last && begin((last - 1) * rows) >= block_ + block_length) --last;
    if (first == last) return;
    PagesAhead ahead = pages_ahead();
    const std::int64_t lines = ahead.lines() / ((last - first) * rows) + 1;
    Queue queue;
    queue.add(score(first));
    queue.finish();
    for (std::int64_t tile = first; tile < last; ++tile) {
      if (tile > first) queue.add(mix(tile - 1));
      if (tile + 1 < last) queue.add(score(tile + 1));
      soften(tile, queue, ahead, lines);
      queue.finish();
    }
    queue.add(mix(last - 1));
    queue.finish();
  }

  /// [positions / 16][16 queries][16]. Of three tiles of queries: being scored, softened, mixed.
  float* scores(std::int64_t tile) const { return scores_ + tile % 3 * score_floats; }
  float* sums(std::int64_t tile) const { return sums_ + tile * across_ * tile_floats; }

  /// scores = queries . keys
  TileProduct score(std::int64_t tile) const {
    const View v = view(tile);
    return {.left = packed_ + tile * chunks_ * tile_bytes,
            .left_step = tile_bytes,
            .right = keys_ + 2 * v.first * tile_bytes,
            .right_step = 2 * pages * tile_bytes,
            .steps = chunks_,
            .across = 2 * (v.last - v.first),
            .sums = scores(tile) + 2 * v.first * tile_floats,
            .adds = false};
  }

  /// sums += weights . values, the weights lying where two tiles of scores were.
  TileProduct mix(std::int64_t tile) const {
    const View v = view(tile);
    return {.left = reinterpret_cast<const std::byte*>(scores(tile) + 2 * v.first * tile_floats),
            .left_step = 2 * tile_bytes,
            .right = values_ + v.first * across_ * tile_bytes,
            .right_step = across_ * tile_bytes,
            .steps = v.last - v.first,
            .across = across_,
            .sums = sums(tile),
            .adds = true};
  }

  PagesAhead pages_ahead() const {
    constexpr auto block_bytes = static_cast<std::int64_t>(sizeof(typename Format::Block));
    const std::int64_t first = block_ / page_length + pages;
    const std::int64_t last = (end(queries_ - 1) + page_length - 1) / page_length;
    return {a_, first, last < first + pages ? last : first + pages,
            page_length * length_ / Format::block_length * block_bytes};
  }

  /// A tile's scores become weights, while the queue's products are formed and the next pages come.
  void soften(std::int64_t tile, Queue& queue, PagesAhead& ahead, std::int64_t lines) {
    const View v = view(tile);
    const std::int64_t count = last_query(tile) - tile * rows + 1, all = queue.steps();
    for (std::int64_t r = 0; r < count; ++r) {
      ahead.ask(lines);
      if (a_.soft_cap != 0) cap_row(scores(tile) + 16 * r, v);
      if (v.whole) {
        soften_row<true>(tile, r, v);
      } else {
        soften_row<false>(tile, r, v);
      }
      for (const std::int64_t left = all - all * (r + 1) / count; queue.steps() > left;) queue.step();
    }
  }

  void cap_row(float* row, const View& v) const {
    const V cap(a_.soft_cap * log2_e);
    for (std::int64_t n = 2 * v.first; n < 2 * v.last; ++n) {
      float* const at = row + n * tile_floats;
      V(cap * hyperbolic_tangent(V::load_unaligned(at))).store_unaligned(at);
    }
  }

  /// `other` in the lanes whose positions the query does not see: [low, high) of the block.
  LINNET_ALWAYS_INLINE static V hide(V value, V other, std::int64_t n, float low, float high) {
    alignas(64) static constexpr float lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const V position = V::load_unaligned(lane) + V(static_cast<float>(16 * n));
    return select(position < V(low), other, V(select(position < V(high), value, other)));
  }

  template <bool Whole>
  void soften_row(std::int64_t tile, std::int64_t r, const View& v) {
    const std::int64_t i = tile * rows + r;
    const auto low = static_cast<float>(begin(i) - block_), high = static_cast<float>(end(i) - block_);
    float* const row = scores(tile) + 16 * r;
    const auto score_at = [&](std::int64_t n) __attribute__((always_inline)) {
      const V score = V::load_unaligned(row + n * tile_floats);
      return Whole ? score : hide(score, V(-INFINITY), n, low, high);
    };
    V most_upper(-INFINITY), most_lower(-INFINITY);
    for (std::int64_t j = v.first; j < v.last; ++j) {
      most_upper = max(most_upper, score_at(2 * j));
      most_lower = max(most_lower, score_at(2 * j + 1));
    }
    const float best = Isa::largest(max(most_upper, most_lower));
    if (best > maxima_[i] + slack) rescale(tile, r, best);
    const V maximum(maxima_[i]);
    V total = V::load_unaligned(totals_ + 16 * i);
    for (std::int64_t j = v.first; j < v.last; ++j) {
      V upper = power_of_two<Isa>(V(score_at(2 * j) - maximum));
      V lower = power_of_two<Isa>(V(score_at(2 * j + 1) - maximum));
      if constexpr (!Whole) {
        upper = hide(upper, V(0.0f), 2 * j, low, high);
        lower = hide(lower, V(0.0f), 2 * j + 1, low, high);
      }
      total = total + V(upper + lower);
      Isa::store_pairs(upper, lower, reinterpret_cast<std::byte*>(row + 2 * j * tile_floats));
    }
    total.store_unaligned(totals_ + 16 * i);
  }

  /// Measures a query's sums against a new maximum. Out of line: it is rare.
  __attribute__((noinline)) void rescale(std::int64_t tile, std::int64_t r, float best) {
    const std::int64_t i = tile * rows + r;
    const V keep = power_of_two<Isa>(V(maxima_[i] - best));
    const auto multiply = [&](float* at) { V(V::load_unaligned(at) * keep).store_unaligned(at); };
    maxima_[i] = best;
    multiply(totals_ + 16 * i);
    for (std::int64_t n = 0; n < across_; ++n) multiply(sums(tile) + n * tile_floats + 16 * r);
  }

  void finish() const {
    for (std::int64_t i = 0; i < queries_; ++i) {
      const V inverse(1.0f / sum(V::load_unaligned(totals_ + 16 * i)));
      float* const out = a_.out + i / a_.heads * a_.out_stride + i % a_.heads * a_.head_dim;
      for (std::int64_t n = 0; n < across_; ++n) {
        const V mixed = V::load_unaligned(sums(i / rows) + n * tile_floats + i % rows * 16);
        store(V(mixed * inverse), out + 16 * n, a_.head_dim - 16 * n);
      }
    }
  }

  const AttentionArgs& a_;
  std::int64_t length_, queries_;
  std::int64_t chunks_, across_;  // of head_dim, by 32 and by 16
  std::int64_t block_ = 0;        // its first position
  float* page_;                   // [page_length, row of the cache] or across
  float* scores_;                 // [3][block_length / 16][16][16]
  float* sums_;                   // [tiles][across_][16][16]
  float* totals_;                 // [queries][16], to be added up in the end
  float* maxima_;                 // [queries]
  std::byte* keys_;               // [chunks_][block_length / 16] tiles
  std::byte* values_;             // [pages][across_] tiles
  std::byte* packed_;             // [tiles][chunks_] tiles: the queries
};

template <class Isa, class Format>
void tiled_attention(const AttentionArgs& a) noexcept {
  constexpr std::int64_t block = Format::block_length;
  if (!TiledAttention<Isa, Format>(a, (a.head_dim + block - 1) / block * block).run())
    attention<Isa, Format>(a);
}

}  // namespace linnet::kernels
