// model/rope.ipp - the body of rope.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include <linnet/model/rope.hpp>

namespace linnet {
namespace detail {

/// The (fractional) pair whose wavelength turns `rotations` times in the original context.
inline double yarn_boundary(const RopeSpec& rope, double rotations) {
  return static_cast<double>(rope.dims) *
         std::log(static_cast<double>(rope.original_context) / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.base));
}

/// Short wavelengths keep their frequency, long ones are divided by the factor, those between are blended.
inline void apply_yarn(const RopeSpec& rope, std::vector<float>& frequencies) {
  const double low = std::max(0.0, std::floor(yarn_boundary(rope, rope.yarn_beta_fast)));
  double high =
      std::min(static_cast<double>(rope.dims - 1), std::ceil(yarn_boundary(rope, rope.yarn_beta_slow)));
  if (high == low) high += 0.001;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double divided = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = static_cast<float>(frequencies[i] * (divided / rope.yarn_factor + (1 - divided)));
  }
}

}  // namespace detail

LINNET_INLINE std::vector<float> rope_frequencies(const RopeSpec& rope, bool long_text) {
  std::vector<float> frequencies(static_cast<std::size_t>(rope.dims / 2));
  const std::vector<float>& factors =
      long_text && !rope.long_factors.empty() ? rope.long_factors : rope.factors;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double exponent = 2 * static_cast<double>(i) / static_cast<double>(rope.dims);
    const double factor = (factors.empty() ? 1.0 : factors[i]) * rope.linear_factor;
    frequencies[i] = static_cast<float>(1 / (factor * std::pow(rope.base, exponent)));
  }
  if (rope.yarn) detail::apply_yarn(rope, frequencies);
  return frequencies;
}

LINNET_INLINE void rope_angles(std::span<const float> frequencies, float magnitude, std::int64_t position,
                               float* cosine, float* sine) {
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double angle =
        static_cast<float>(position) * frequencies[i];  // rounded to float, as the reference does
    cosine[i] = static_cast<float>(std::cos(angle)) * magnitude;
    sine[i] = static_cast<float>(std::sin(angle)) * magnitude;
  }
}

}  // namespace linnet
