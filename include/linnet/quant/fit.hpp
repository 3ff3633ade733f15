// quant/fit.hpp - finds the scales and levels that lose least, for the quantizers. Never knows how bits are
// packed.
#pragma once

#include <cstdint>

#include <linnet/base/half.hpp>

namespace linnet::quant {

// Every function here minimises the sum of squared errors, each times its weight: weights[i] belongs to x[i]
// and is from 0 to 2^20; null: all count alike. NaN counts as 0, and what lies beyond the reach of the scale
// is given the nearest level. Inputs and outputs do not overlap. A level is counted from the lowest: 0, 1,
// ...

/// x[i] ~ d * (lowest + level[i]), with lowest + level[i] <= highest; n is a multiple of 8, at most 32.
/// Returns d.
Half fit_scale(const float* x, const float* weights, int n, int lowest, int highest,
               std::uint8_t* level) noexcept;

/// x[i] ~ d * iq4_table().value[level[i]]. Returns d.
Half fit_iq4(const float* x, const float* weights, int n, std::uint8_t* level) noexcept;

struct Affine {
  Half d, m;
};

/// x[i] ~ d * level[i] + m, with level[i] <= highest; n is a multiple of 8, at most 32.
Affine fit_affine(const float* x, const float* weights, int n, int highest, std::uint8_t* level) noexcept;

/// x[i] ~ 2^(e - 128) * value of level[i], with the values of e2m1_table(). Returns e.
std::uint8_t fit_exponent(const float* x, const float* weights, int n, std::uint8_t* level) noexcept;

/// 256 elements in groups with a small integer scale each: x[i] ~ d * scale[i / length] * value(level[i]).
struct ScaledGroups {
  Half d;
  std::int8_t scale[16];
  std::uint8_t level[256];
};

/// Groups of 16; value(level) = lowest + level, at most highest; scales from -scale_limit to scale_limit - 1.
void fit_groups(const float* x, const float* weights, int lowest, int highest, int scale_limit,
                ScaledGroups& out) noexcept;

/// Groups of 32; value(level) = iq4_table().value[level]; scales from -scale_limit to scale_limit - 1.
void fit_iq4_groups(const float* x, const float* weights, int scale_limit, ScaledGroups& out) noexcept;

/// 256 elements in groups: x[i] ~ d * scale[g] * level[i] - dmin * min[g], with g = i / length.
struct AffineGroups {
  Half d, dmin;
  std::uint8_t scale[16], min[16];
  std::uint8_t level[256];
};

/// Groups of `length`, 16 or 32; level[i] <= highest; scales and minima from 0 to scale_highest.
void fit_groups(const float* x, const float* weights, int length, int highest, int scale_highest,
                AffineGroups& out) noexcept;

}  // namespace linnet::quant

#ifdef LINNET_HEADER_ONLY
#include <linnet/quant/fit.ipp>
#endif
