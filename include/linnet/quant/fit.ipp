// quant/fit.ipp - the bodies of fit.hpp: the searches as compiled for this machine's registers.
#pragma once

#include <linnet/base/cpu.hpp>
#include <linnet/quant/fit.hpp>
#include <linnet/quant/searches.hpp>

namespace linnet::quant {
namespace detail {
struct OfTheLibrary {};

#if defined(__x86_64__) && !defined(LINNET_HEADER_ONLY)
extern const Searches avx2_searches;  // src/quant/avx2.cpp

inline const Searches& searches() noexcept {
  static const Searches& chosen = cpu_features().avx2 ? avx2_searches : SearchFunctions<OfTheLibrary>::all;
  return chosen;
}
#else
LINNET_ALWAYS_INLINE Searches searches() noexcept { return SearchFunctions<OfTheLibrary>::all; }
#endif

}  // namespace detail

LINNET_INLINE Half fit_scale(const float* x, const float* weights, int n, int lowest, int highest,
                             std::uint8_t* level) noexcept {
  return detail::searches().scale(x, weights, n, lowest, highest, level);
}

LINNET_INLINE Half fit_iq4(const float* x, const float* weights, int n, std::uint8_t* level) noexcept {
  return detail::searches().iq4(x, weights, n, level);
}

LINNET_INLINE Affine fit_affine(const float* x, const float* weights, int n, int highest,
                                std::uint8_t* level) noexcept {
  return detail::searches().affine(x, weights, n, highest, level);
}

LINNET_INLINE std::uint8_t fit_exponent(const float* x, const float* weights, int n,
                                        std::uint8_t* level) noexcept {
  return detail::searches().exponent(x, weights, n, level);
}

LINNET_INLINE void fit_groups(const float* x, const float* weights, int lowest, int highest, int scale_limit,
                              ScaledGroups& out) noexcept {
  detail::searches().groups(x, weights, lowest, highest, scale_limit, out);
}

LINNET_INLINE void fit_iq4_groups(const float* x, const float* weights, int scale_limit,
                                  ScaledGroups& out) noexcept {
  detail::searches().iq4_groups(x, weights, scale_limit, out);
}

LINNET_INLINE void fit_groups(const float* x, const float* weights, int length, int highest,
                              int scale_highest, AffineGroups& out) noexcept {
  detail::searches().affine_groups(x, weights, length, highest, scale_highest, out);
}

}  // namespace linnet::quant
