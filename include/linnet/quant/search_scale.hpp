// quant/search_scale.hpp - the searches for levels times a scale. Never knows how bits are packed.
//
// A candidate for the scale gives each element its nearest level; for those levels the best scale is a
// least-squares solution; the candidate whose solution leaves the smallest error wins. Levels are then chosen
// for the scale as stored.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/quant/fit.hpp>
#include <linnet/quant/levels.hpp>

namespace linnet::quant::detail {

/// The sums of x * q and q * q, each times its weight, over elements x with levels q.
struct ScaleSums {
  float xq = 0, qq = 0;

  float best_scale() const noexcept { return qq > 0 ? xq / qq : 0; }
  /// By how much a scale lowers the sum of squared errors from that of a scale of zero.
  float gain(float scale) const noexcept { return scale * (2 * xq - scale * qq); }
  float best_gain() const noexcept { return xq * best_scale(); }
};

template <class Levels, class Weights>
LINNET_ALWAYS_INLINE ScaleSums sum_levels(const float* x, const Weights& weights, int n, const Levels& levels,
                                          float inverse) noexcept {
  Lanes xq = {}, qq = {};
  for (int i = 0; i < n; i += lanes) {
    Lanes value, q;
    load_lanes(x + i, value);
    q = value * inverse;
    levels.round(q);
    Lanes weighted = q;
    weights.apply(i, weighted);
    xq += value * weighted;
    qq += q * weighted;
  }
  return {add_lanes(xq), add_lanes(qq)};
}

/// The same for eight inverses at once; returns the best of them and `best`.
template <class Levels, class Weights>
LINNET_ALWAYS_INLINE ScaleSums best_of_eight(const float* x, const Weights& weights, int n,
                                             const Levels& levels, const Lanes& inverse,
                                             const ScaleSums& best) noexcept {
  Lanes xq = {}, qq = {};
  for (int i = 0; i < n; ++i) {
    Lanes q = x[i] * inverse;
    levels.round(q);
    const Lanes weighted = weights[i] * q;
    xq += x[i] * weighted;
    qq += q * weighted;
  }
  const int winner = find_largest(xq * xq / qq, best.best_gain());  // 0 / 0 is never the largest
  return winner < 0 ? best : ScaleSums{xq[winner], qq[winner]};
}

/// Of n values, the first of largest magnitude. A loop of its own: a comparison that is passed on would be a
/// weak symbol.
LINNET_ALWAYS_INLINE float find_peak(const float* x, int n) noexcept {
  float peak = 0;
  for (int i = 0; i < n; ++i) peak = std::fabs(x[i]) > std::fabs(peak) ? x[i] : peak;
  return peak;
}

/// The scale of least error found: the candidates put the element of largest magnitude around either end of
/// the levels, and the last one starts from the best of them.
template <class Levels, class Weights>
LINNET_ALWAYS_INLINE float search_scale(const float* x, const Weights& weights, int n,
                                        const Levels& levels) noexcept {
  const Extremes extremes = find_extremes(x, n);
  const float peak = -extremes.smallest > extremes.largest ? extremes.smallest : extremes.largest;
  if (std::fabs(peak) < 0x1p-27f)
    return 0;  // no stored scale is small enough, and the inverse might overflow
  const Lanes steps = {0, 1, 2, 3, 4, 5, 6, 7};
  ScaleSums best;
  for (int first = Weights::least_reach; first <= 80; first += 40) {
    const Lanes reach = (static_cast<float>(first) + Weights::reach_step * steps) / (100 * peak);
    best = best_of_eight(x, weights, n, levels, levels.lowest() * reach, best);
    best = best_of_eight(x, weights, n, levels, levels.highest() * reach, best);
  }
  const ScaleSums last = sum_levels(x, weights, n, levels, invert(best.best_scale()));
  return last.best_gain() > best.best_gain() ? last.best_scale() : best.best_scale();
}

template <class Levels>
LINNET_ALWAYS_INLINE void choose_levels(const float* x, int n, const Levels& levels, float scale,
                                        std::uint8_t* level) noexcept {
  const float inverse = invert(scale);
  for (int i = 0; i < n; ++i) level[i] = levels.index(x[i] * inverse);
}

template <class Levels, class Weights>
LINNET_ALWAYS_INLINE Half fit_one(const float* x, const Weights& weights, int n, const Levels& levels,
                                  std::uint8_t* level) noexcept {
  float finite[32] = {};
  copy_finite(x, n, finite);
  const Half d = to_scale(search_scale(finite, weights, n, levels));
  choose_levels(finite, n, levels, to_float(d), level);
  return d;
}

/// The integer scale of a group: of those around scale / d, the one of least error. Zero has a gain of zero.
template <class Levels, class Weights>
LINNET_ALWAYS_INLINE int search_code(const float* x, const Weights& weights, int n, const Levels& levels,
                                     float d, float scale, int limit) noexcept {
  const int near = round_to_int(scale * invert(d), static_cast<float>(-limit), static_cast<float>(limit - 1));
  int best = 0;
  float best_gain = 0;
  for (int code = std::max(near - 1, -limit); code <= std::min(near + 1, limit - 1); ++code) {
    const float stored = d * static_cast<float>(code);
    const float gain = sum_levels(x, weights, n, levels, invert(stored)).gain(stored);
    if (gain > best_gain) {
      best = code;
      best_gain = gain;
    }
  }
  return best;
}

/// The group whose scale is largest gets the code -limit, which reaches one further than the positive codes.
template <class Levels, class Weights>
LINNET_ALWAYS_INLINE void fit_scaled_groups(const float* x, const Weights& weights, int length,
                                            const Levels& levels, int limit, ScaledGroups& out) noexcept {
  float finite[256], scale[16];
  copy_finite(x, 256, finite);
  const int groups = 256 / length;
  for (int g = 0; g < groups; ++g)
    scale[g] = search_scale(finite + length * g, weights.from(length * g), length, levels);
  out.d = to_scale_above(find_peak(scale, groups) / static_cast<float>(-limit));
  const float d = to_float(out.d);
  for (int g = 0; g < groups; ++g) {
    const float* group = finite + length * g;
    const int code = search_code(group, weights.from(length * g), length, levels, d, scale[g], limit);
    out.scale[g] = static_cast<std::int8_t>(code);
    choose_levels(group, length, levels, d * static_cast<float>(code), out.level + length * g);
  }
}

/// The index of the value of E2M1, doubled, that is nearest to a magnitude.
LINNET_ALWAYS_INLINE int nearest_e2m1(double magnitude) noexcept {
  constexpr double middle[7] = {0.5, 1.5, 2.5, 3.5, 5, 7, 10};
  int out = 0;
  for (double each : middle) out += magnitude > each;
  return out;
}

/// Chooses levels for the scale 2^(e - 128) and returns the sum of squared errors. In double, which holds
/// every scale.
template <class Weights>
LINNET_ALWAYS_INLINE double choose_e2m1(const float* x, const Weights& weights, int n, int e,
                                        std::uint8_t* level) noexcept {
  constexpr double value[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  const double scale = std::ldexp(1.0, e - 128), inverse = std::ldexp(1.0, 128 - e);
  double squares = 0;
  for (int i = 0; i < n; ++i) {
    const double magnitude = std::fabs(x[i]) * inverse;
    const int q = nearest_e2m1(magnitude);
    const double error = (magnitude - value[q]) * scale;
    squares += weights[i] * error * error;
    level[i] = static_cast<std::uint8_t>(q | (x[i] < 0 && q > 0) << 3);
  }
  return squares;
}

template <class Weights>
LINNET_ALWAYS_INLINE std::uint8_t search_exponent(const float* x, const Weights& weights, int n,
                                                  std::uint8_t* level) noexcept {
  float finite[256];
  for (int i = 0; i < n; ++i)
    finite[i] = std::isnan(x[i]) ? 0 : std::clamp(x[i], -0x1.fffffep127f, 0x1.fffffep127f);
  const float peak = find_peak(finite, n);
  // The largest value, 12, has the exponent 3: with this e the peak lies between 2/3 and 4/3 of it. Beyond
  // 252 it would be infinite.
  const int middle = peak == 0 ? 0 : std::ilogb(peak) - 3 + 128;
  int best = 0;
  double best_error = HUGE_VAL;
  for (int e = std::max(middle - 1, 0); e <= std::clamp(middle + 1, 0, 252); ++e) {
    const double error = choose_e2m1(finite, weights, n, e, level);
    if (error < best_error) {
      best = e;
      best_error = error;
    }
  }
  choose_e2m1(finite, weights, n, best, level);
  return static_cast<std::uint8_t>(best);
}

}  // namespace linnet::quant::detail
