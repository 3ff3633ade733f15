// quant/fit_affine.ipp - the searches for levels times a scale plus an offset. Never knows how bits are
// packed.
//
// As in fit_scale.ipp, but each candidate's least-squares solution has two unknowns. Elements are taken from
// their smallest, so that a large common offset costs no precision.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/quant/fit.hpp>
#include <linnet/quant/levels.hpp>

namespace linnet::quant {
namespace detail {

/// The sums of 1, u, q, q * q and u * q, each times its weight, over elements u with levels q.
struct AffineSums {
  double n = 0, u = 0, q = 0, qq = 0, uq = 0;
};

/// u ~ scale * q + offset, and by how much that lowers the sum of squared errors from that of zero.
struct Line {
  double scale = 0, offset = 0, gain = 0;
};

inline Line make_line(const AffineSums& s, double scale, double offset) noexcept {
  return {scale, offset,
          scale * (2 * s.uq - scale * s.qq - 2 * offset * s.q) + offset * (2 * s.u - offset * s.n)};
}

/// The line of least error whose offset is at most `highest_offset`.
inline Line solve(const AffineSums& s, double highest_offset) noexcept {
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
Distances measure(const float* x, const Weights& weights, int n, float base) noexcept {
  Distances out{base, 0, {}, 0, 0};
  for (int i = 0; i < n; ++i) {
    out.u[i] = x[i] - base;
    out.range = std::max(out.range, out.u[i]);
    out.weight += weights[i];
    out.sum += weights[i] * out.u[i];
  }
  return out;
}

/// The sums for the levels nearest to u * inverse - shift, from 0 to `highest`.
template <class Weights>
AffineSums sum_levels(const Distances& d, const Weights& weights, int n, float highest, float inverse,
                      float shift) noexcept {
  Lanes sum_q = {}, sum_qq = {}, sum_uq = {};
  for (int i = 0; i < n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const float q = static_cast<float>(round_to_int(d.u[i + j] * inverse - shift, 0, highest));
      const float weighted = weights[i + j] * q;
      sum_q[j] += weighted;
      sum_qq[j] += weighted * q;
      sum_uq[j] += d.u[i + j] * weighted;
    }
  return {d.weight, d.sum, add_lanes(sum_q), add_lanes(sum_qq), add_lanes(sum_uq)};
}

struct ScaleAndOffset {
  float scale, offset;
};

/// The scale and offset of least error found for n elements, at most 32; the offset is at most
/// `highest_offset`. The candidates spread the elements over a little less to a good deal more than the
/// levels; the last ones start from the best of them.
template <class Weights>
ScaleAndOffset search_affine(const float* x, const Weights& weights, int n, int highest,
                             float highest_offset) noexcept {
  const Distances d = measure(x, weights, n, std::min(*std::min_element(x, x + n), highest_offset));
  if (d.range < 0x1p-27f)
    return {0, d.base};  // no stored scale is small enough, and the inverse might overflow
  const float top = static_cast<float>(highest);
  const double highest_from_base = static_cast<double>(highest_offset) - d.base;
  Line best;
  const auto consider = [&](float inverse, float shift) {
    const Line line = solve(sum_levels(d, weights, n, top, inverse, shift), highest_from_base);
    if (line.scale > 0 && line.gain > best.gain) best = line;
  };
  for (int percent = -8; percent <= 28; percent += 3) {
    const float excess = top * static_cast<float>(percent) / 100;
    consider((top + excess) / d.range, excess / 2);
  }
  for (int i = 0; i < 2 && best.scale > 0; ++i)
    consider(static_cast<float>(1 / best.scale), static_cast<float>(best.offset / best.scale));
  return {static_cast<float>(best.scale), static_cast<float>(best.offset + d.base)};
}

LINNET_ALWAYS_INLINE void choose_affine_levels(const float* x, int n, int highest, float scale, float offset,
                                               std::uint8_t* level) noexcept {
  const float inverse = invert(scale);
  for (int i = 0; i < n; ++i)
    level[i] =
        static_cast<std::uint8_t>(round_to_int((x[i] - offset) * inverse, 0, static_cast<float>(highest)));
}

/// The sum of squared errors of the levels nearest for a scale and an offset.
template <class Weights>
float affine_error(const float* x, const Weights& weights, int n, int highest, float scale,
                   float offset) noexcept {
  const float inverse = invert(scale);
  Lanes squares = {};
  for (int i = 0; i < n; i += lanes)
    for (int j = 0; j < lanes; ++j) {
      const float from = x[i + j] - offset;
      const int q = round_to_int(from * inverse, 0, static_cast<float>(highest));
      const float error = from - scale * static_cast<float>(q);
      squares[j] += weights[i + j] * error * error;
    }
  return add_lanes(squares);
}

/// The integer scale and minimum of a group.
struct Codes {
  int scale, min;
};

/// Of the codes around those nearest to a group's scale and minimum, the pair of least error.
template <class Weights>
Codes search_codes(const float* x, const Weights& weights, int length, int highest,
                   const ScaleAndOffset& found, float d, float dmin, int code_highest) noexcept {
  const float top = static_cast<float>(code_highest);
  const Codes near = {round_to_int(found.scale * invert(d), 0, top),
                      round_to_int(-found.offset * invert(dmin), 0, top)};
  Codes best = near;
  float best_error = HUGE_VALF;
  for (int scale = std::max(near.scale - 1, 0); scale <= std::min(near.scale + 1, code_highest); ++scale)
    for (int min = std::max(near.min - 1, 0); min <= std::min(near.min + 1, code_highest); ++min) {
      const float error = affine_error(x, weights, length, highest, d * static_cast<float>(scale),
                                       -dmin * static_cast<float>(min));
      if (error < best_error) {
        best = {scale, min};
        best_error = error;
      }
    }
  return best;
}

template <class Weights>
Affine fit_affine(const float* x, const Weights& weights, int n, int highest, std::uint8_t* level) noexcept {
  float finite[32];
  copy_finite(x, n, finite);
  const ScaleAndOffset found = search_affine(finite, weights, n, highest, HUGE_VALF);
  const Affine out = {to_scale(found.scale), to_finite_half(found.offset)};
  choose_affine_levels(finite, n, highest, to_float(out.d), to_float(out.m), level);
  return out;
}

template <class Weights>
void fit_affine_groups(const float* x, const Weights& weights, int length, int highest, int scale_highest,
                       AffineGroups& out) noexcept {
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

}  // namespace detail

LINNET_INLINE Affine fit_affine(const float* x, const float* weights, int n, int highest,
                                std::uint8_t* level) noexcept {
  return detail::with_weights(weights,
                              [&](const auto& w) { return detail::fit_affine(x, w, n, highest, level); });
}

LINNET_INLINE void fit_groups(const float* x, const float* weights, int length, int highest,
                              int scale_highest, AffineGroups& out) noexcept {
  detail::with_weights(
      weights, [&](const auto& w) { detail::fit_affine_groups(x, w, length, highest, scale_highest, out); });
}

}  // namespace linnet::quant
