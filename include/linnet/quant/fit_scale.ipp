// quant/fit_scale.ipp - the searches for levels times a scale. Never knows how bits are packed.
//
// A candidate for the scale gives each element its nearest level; for those levels the best scale is a
// least-squares solution; the candidate whose solution leaves the smallest error wins. Levels are then chosen
// for the scale as stored.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/quant/fit.hpp>
#include <linnet/quant/levels.hpp>

namespace linnet::quant {
namespace detail {

/// The sums of x * q and q * q, each times its weight, over elements x with levels q.
struct ScaleSums {
  float xq = 0, qq = 0;

  float best_scale() const noexcept { return qq > 0 ? xq / qq : 0; }
  /// By how much a scale lowers the sum of squared errors from that of a scale of zero.
  float gain(float scale) const noexcept { return scale * (2 * xq - scale * qq); }
  float best_gain() const noexcept { return xq * best_scale(); }
};

template <class Levels, class Weights>
ScaleSums sum_levels(const float* x, const Weights& weights, int n, const Levels& levels,
                     float inverse) noexcept {
  Lanes xq = {}, qq = {};
  for (int i = 0; i < n; i += lanes) {
    Lanes value, q;
    for (int j = 0; j < lanes; ++j) value[j] = x[i + j] * inverse;
    levels.round(value, q);
    for (int j = 0; j < lanes; ++j) {
      const float weighted = weights[i + j] * q[j];
      xq[j] += x[i + j] * weighted;
      qq[j] += q[j] * weighted;
    }
  }
  return {add_lanes(xq), add_lanes(qq)};
}

inline bool is_smaller(float a, float b) noexcept { return std::fabs(a) < std::fabs(b); }

/// The scale of least error found: the candidates put the element of largest magnitude around either end of
/// the levels, and the last one starts from the best of them.
template <class Levels, class Weights>
float search_scale(const float* x, const Weights& weights, int n, const Levels& levels) noexcept {
  const float peak = *std::max_element(x, x + n, is_smaller);
  if (std::fabs(peak) < 0x1p-27f)
    return 0;  // no stored scale is small enough, and the inverse might overflow
  ScaleSums best;
  const auto consider = [&](float inverse) {
    const ScaleSums sums = sum_levels(x, weights, n, levels, inverse);
    if (sums.best_gain() > best.best_gain()) best = sums;
  };
  for (int percent = Weights::nearest_reach; percent <= 120; percent += 5) {
    const float reach = static_cast<float>(percent) / (100 * peak);
    consider(levels.lowest() * reach);
    consider(levels.highest() * reach);
  }
  consider(invert(best.best_scale()));
  return best.best_scale();
}

template <class Levels>
void choose_levels(const float* x, int n, const Levels& levels, float scale, std::uint8_t* level) noexcept {
  const float inverse = invert(scale);
  for (int i = 0; i < n; ++i) level[i] = levels.index(x[i] * inverse);
}

template <class Levels, class Weights>
Half fit_one(const float* x, const Weights& weights, int n, const Levels& levels,
             std::uint8_t* level) noexcept {
  float finite[256];
  copy_finite(x, n, finite);
  const Half d = to_scale(search_scale(finite, weights, n, levels));
  choose_levels(finite, n, levels, to_float(d), level);
  return d;
}

/// The integer scale of a group: of those around scale / d, the one of least error. Zero has a gain of zero.
template <class Levels, class Weights>
int search_code(const float* x, const Weights& weights, int n, const Levels& levels, float d, float scale,
                int limit) noexcept {
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
void fit_scaled_groups(const float* x, const Weights& weights, int length, const Levels& levels, int limit,
                       ScaledGroups& out) noexcept {
  float finite[256], scale[16];
  copy_finite(x, 256, finite);
  const int groups = 256 / length;
  for (int g = 0; g < groups; ++g)
    scale[g] = search_scale(finite + length * g, weights.from(length * g), length, levels);
  out.d = to_scale_above(*std::max_element(scale, scale + groups, is_smaller) / static_cast<float>(-limit));
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
double choose_e2m1(const float* x, const Weights& weights, int n, int e, std::uint8_t* level) noexcept {
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
std::uint8_t fit_exponent(const float* x, const Weights& weights, int n, std::uint8_t* level) noexcept {
  float finite[256];
  for (int i = 0; i < n; ++i)
    finite[i] = std::isnan(x[i]) ? 0 : std::clamp(x[i], -0x1.fffffep127f, 0x1.fffffep127f);
  const float peak = *std::max_element(finite, finite + n, is_smaller);
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

}  // namespace detail

LINNET_INLINE Half fit_scale(const float* x, const float* weights, int n, int lowest, int highest,
                             std::uint8_t* level) noexcept {
  return detail::with_weights(weights, [&](const auto& w) {
    return detail::fit_one(x, w, n, detail::EvenLevels(lowest, highest), level);
  });
}

LINNET_INLINE Half fit_iq4(const float* x, const float* weights, int n, std::uint8_t* level) noexcept {
  return detail::with_weights(
      weights, [&](const auto& w) { return detail::fit_one(x, w, n, detail::Iq4Levels(), level); });
}

LINNET_INLINE void fit_groups(const float* x, const float* weights, int lowest, int highest, int scale_limit,
                              ScaledGroups& out) noexcept {
  detail::with_weights(weights, [&](const auto& w) {
    detail::fit_scaled_groups(x, w, 16, detail::EvenLevels(lowest, highest), scale_limit, out);
  });
}

LINNET_INLINE void fit_iq4_groups(const float* x, const float* weights, int scale_limit,
                                  ScaledGroups& out) noexcept {
  detail::with_weights(weights, [&](const auto& w) {
    detail::fit_scaled_groups(x, w, 32, detail::Iq4Levels(), scale_limit, out);
  });
}

LINNET_INLINE std::uint8_t fit_exponent(const float* x, const float* weights, int n,
                                        std::uint8_t* level) noexcept {
  return detail::with_weights(weights, [&](const auto& w) { return detail::fit_exponent(x, w, n, level); });
}

}  // namespace linnet::quant
