// quant/search_affine.hpp - the searches for levels times a scale plus an offset. Never knows how bits are
// packed.
//
// As in search_scale.hpp, but each candidate's least-squares solution has two unknowns. Elements are taken
// from their smallest, so that a large common offset costs no precision.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/quant/fit.hpp>
#include <linnet/quant/levels.hpp>

namespace linnet::quant::detail {

/// The sums of 1, u, q, q * q and u * q, each times its weight, over elements u with levels q.
struct AffineSums {
  double n = 0, u = 0, q = 0, qq = 0, uq = 0;
};

/// u ~ scale * q + offset, and by how much that lowers the sum of squared errors from that of zero.
struct Line {
  double scale = 0, offset = 0, gain = 0;
};

LINNET_ALWAYS_INLINE Line make_line(const AffineSums& s, double scale, double offset) noexcept {
  return {scale, offset,
          scale * (2 * s.uq - scale * s.qq - 2 * offset * s.q) + offset * (2 * s.u - offset * s.n)};
}

/// The line of least error whose offset is at most `highest_offset`.
LINNET_ALWAYS_INLINE Line solve(const AffineSums& s, double highest_offset) noexcept {
  const double determinant = s.n * s.qq - s.q * s.q;
  if (determinant > 0) {
    const double scale = (s.n * s.uq - s.u * s.q) / determinant;
    const double offset = (s.u - scale * s.q) / s.n;
    if (offset <= highest_offset) return make_line(s, scale, offset);
  } else if (highest_offset == HUGE_VAL || s.qq == 0) {
    return {};
  }
  return make_line(s, (s.uq - highest_offset * s.q) / s.qq, highest_offset);
}

/// Elements as distances from `base`.
struct Distances {
  float base, range;
  float u[32];
  double weight, sum;  // of the weights, and of the weighted distances
};

template <class Weights>
LINNET_ALWAYS_INLINE Distances measure(const float* x, const Weights& weights, int n, float base) noexcept {
  Distances out{base, 0, {}, 0, 0};
  Lanes weight = {}, sum = {};
  for (int i = 0; i < n; i += lanes) {
    Lanes u, one = 1 + Lanes{};
    load_lanes(x + i, u);
    u -= base;
    std::memcpy(out.u + i, &u, sizeof u);
    weights.apply(i, one);
    weight += one;
    sum += one * u;
  }
  out.range = find_extremes(out.u, n).largest;
  out.weight = add_lanes(weight);
  out.sum = add_lanes(sum);
  return out;
}

/// The sums for the levels nearest to u * inverse - shift, from 0 to `highest`.
template <class Weights>
LINNET_ALWAYS_INLINE AffineSums sum_levels(const Distances& d, const Weights& weights, int n, float highest,
                                           float inverse, float shift) noexcept {
  Lanes sum_q = {}, sum_qq = {}, sum_uq = {};
  for (int i = 0; i < n; i += lanes) {
    Lanes u, q;
    load_lanes(d.u + i, u);
    q = u * inverse - shift;
    round_lanes(q, 0, highest);
    Lanes weighted = q;
    weights.apply(i, weighted);
    sum_q += weighted;
    sum_qq += weighted * q;
    sum_uq += weighted * u;
  }
  return {d.weight, d.sum, add_lanes(sum_q), add_lanes(sum_qq), add_lanes(sum_uq)};
}

/// The same for eight candidates at once: the sums of the one whose line gains most, as near as floats tell.
template <class Weights>
LINNET_ALWAYS_INLINE AffineSums best_of_eight(const Distances& d, const Weights& weights, int n,
                                              float highest, float highest_offset, const Lanes& inverse,
                                              const Lanes& shift) noexcept {
  Lanes sum_q = {}, sum_qq = {}, sum_uq = {};
  for (int i = 0; i < n; ++i) {
    Lanes q = d.u[i] * inverse - shift;
    round_lanes(q, 0, highest);
    const Lanes weighted = weights[i] * q;
    sum_q += weighted;
    sum_qq += weighted * q;
    sum_uq += d.u[i] * weighted;
  }
  const float weight = static_cast<float>(d.weight), sum = static_cast<float>(d.sum);
  const Lanes determinant = weight * sum_qq - sum_q * sum_q, slope = weight * sum_uq - sum * sum_q;
  const Lanes is_free = slope / determinant * sum_q + weight * highest_offset;  // at least `sum`
  const Lanes free_gain = sum * sum / weight + slope * slope / (weight * determinant);
  const Lanes bound = sum_uq - highest_offset * sum_q;
  const Lanes bound_gain = bound * bound / sum_qq + highest_offset * (2 * sum - highest_offset * weight);
  const int winner = find_largest(is_free >= sum ? free_gain : bound_gain, -HUGE_VALF);
  return {d.weight, d.sum, sum_q[std::max(winner, 0)], sum_qq[std::max(winner, 0)],
          sum_uq[std::max(winner, 0)]};
}

struct ScaleAndOffset {
  float scale, offset;
};

/// The scale and offset of least error found for n elements, at most 32; the offset is at most
/// `highest_offset`. The candidates spread the elements over a little less to a good deal more than the
/// levels; the last ones start from the best of them.
template <class Weights>
LINNET_ALWAYS_INLINE ScaleAndOffset search_affine(const float* x, const Weights& weights, int n, int highest,
                                                  float highest_offset) noexcept {
  const Distances d = measure(x, weights, n, std::min(find_extremes(x, n).smallest, highest_offset));
  if (d.range < 0x1p-27f)
    return {0, d.base};  // no stored scale is small enough, and the inverse might overflow
  const float top = static_cast<float>(highest);
  const double highest_from_base = static_cast<double>(highest_offset) - d.base;
  const Lanes excess = top * Lanes{-0.06f, -0.01f, 0.04f, 0.09f, 0.14f, 0.19f, 0.24f, 0.29f};
  Line best;
  for (float below : {0.5f, 0.25f, 0.75f, 0.0f, 1.0f}) {  // how much of the excess lies below the levels
    const Line next = solve(best_of_eight(d, weights, n, top, static_cast<float>(highest_from_base),
                                          (top + excess) / d.range, below * excess),
                            highest_from_base);
    if (next.scale > 0 && next.gain > best.gain) best = next;
  }
  for (int i = 0; i < 2 && best.scale > 0; ++i) {
    const Line next = solve(sum_levels(d, weights, n, top, static_cast<float>(1 / best.scale),
                                       static_cast<float>(best.offset / best.scale)),
                            highest_from_base);
    if (next.scale > 0 && next.gain > best.gain) best = next;
  }
  return {static_cast<float>(best.scale), static_cast<float>(best.offset + d.base)};
}

LINNET_ALWAYS_INLINE void choose_affine_levels(const float* x, int n, int highest, float scale, float offset,
                                               std::uint8_t* level) noexcept {
  const float inverse = invert(scale);
  for (int i = 0; i < n; ++i)
    level[i] =
        static_cast<std::uint8_t>(round_to_int((x[i] - offset) * inverse, 0, static_cast<float>(highest)));
}

/// The integer scale and minimum of a group.
struct Codes {
  int scale, min;
};

/// Of the codes around those nearest to a group's scale and minimum, the pair of least error.
template <class Weights>
LINNET_ALWAYS_INLINE Codes search_codes(const float* x, const Weights& weights, int length, int highest,
                                        const ScaleAndOffset& found, float d, float dmin,
                                        int code_highest) noexcept {
  // The ninth neighbour, a smaller scale with a larger minimum, moves all levels down: it is never best.
  const Lanes scale_steps = {0, 0, 0, 1, 1, 1, -1, -1}, min_steps = {0, 1, -1, 0, 1, -1, 0, -1};
  const float most = static_cast<float>(code_highest);
  Lanes scale = found.scale * invert(d) + Lanes{}, min = -found.offset * invert(dmin) + Lanes{};
  round_lanes(scale, 0, most);
  round_lanes(min, 0, most);
  scale += scale_steps;
  min += min_steps;
  round_lanes(scale, 0, most);
  round_lanes(min, 0, most);
  const Lanes step = d * scale, offset = -dmin * min;
  const Lanes inverse = step > 0 ? 1 / step : Lanes{};
  Lanes squares = {};
  for (int i = 0; i < length; ++i) {
    const Lanes from = x[i] - offset;
    Lanes q = from * inverse;
    round_lanes(q, 0, static_cast<float>(highest));
    const Lanes error = from - step * q;
    squares += weights[i] * error * error;
  }
  const int best = std::max(find_largest(-squares, -HUGE_VALF), 0);
  return {static_cast<int>(scale[best]), static_cast<int>(min[best])};
}

template <class Weights>
LINNET_ALWAYS_INLINE Affine fit_affine_one(const float* x, const Weights& weights, int n, int highest,
                                           std::uint8_t* level) noexcept {
  float finite[32] = {};
  copy_finite(x, n, finite);
  const ScaleAndOffset found = search_affine(finite, weights, n, highest, HUGE_VALF);
  const Affine out = {to_scale(found.scale), to_finite_half(found.offset)};
  choose_affine_levels(finite, n, highest, to_float(out.d), to_float(out.m), level);
  return out;
}

template <class Weights>
LINNET_ALWAYS_INLINE void fit_affine_groups(const float* x, const Weights& weights, int length, int highest,
                                            int scale_highest, AffineGroups& out) noexcept {
  float finite[256];
  copy_finite(x, 256, finite);
  const int groups = 256 / length;
  ScaleAndOffset found[16];
  float largest_scale = 0, largest_min = 0;
  for (int g = 0; g < groups; ++g) {
    found[g] = search_affine(finite + length * g, weights.from(length * g), length, highest, 0);
    largest_scale = std::max(largest_scale, found[g].scale);
    largest_min = std::max(largest_min, -found[g].offset);
  }
  out.d = to_scale_above(largest_scale / static_cast<float>(scale_highest));
  out.dmin = to_scale_above(largest_min / static_cast<float>(scale_highest));
  const float d = to_float(out.d), dmin = to_float(out.dmin);
  for (int g = 0; g < groups; ++g) {
    const float* group = finite + length * g;
    const Codes code =
        search_codes(group, weights.from(length * g), length, highest, found[g], d, dmin, scale_highest);
    out.scale[g] = static_cast<std::uint8_t>(code.scale);
    out.min[g] = static_cast<std::uint8_t>(code.min);
    choose_affine_levels(group, length, highest, d * static_cast<float>(code.scale),
                         -dmin * static_cast<float>(code.min), out.level + length * g);
  }
}

}  // namespace linnet::quant::detail
