// quant/searches.hpp - the searches of fit.hpp as functions of one object file. Never chooses among files.
#pragma once

#include <cstdint>

#include <linnet/quant/fit.hpp>
#include <linnet/quant/search_affine.hpp>
#include <linnet/quant/search_scale.hpp>

namespace linnet::quant::detail {

/// The functions of fit.hpp, as compiled for one instruction set. Each gives the same bits in all.
struct Searches {
  Half (*scale)(const float* x, const float* weights, int n, int lowest, int highest,
                std::uint8_t* level) noexcept;
  Half (*iq4)(const float* x, const float* weights, int n, std::uint8_t* level) noexcept;
  Affine (*affine)(const float* x, const float* weights, int n, int highest, std::uint8_t* level) noexcept;
  std::uint8_t (*exponent)(const float* x, const float* weights, int n, std::uint8_t* level) noexcept;
  void (*groups)(const float* x, const float* weights, int lowest, int highest, int scale_limit,
                 ScaledGroups& out) noexcept;
  void (*iq4_groups)(const float* x, const float* weights, int scale_limit, ScaledGroups& out) noexcept;
  void (*affine_groups)(const float* x, const float* weights, int length, int highest, int scale_highest,
                        AffineGroups& out) noexcept;
};

/// @tparam Own  a type of the object's own, so that no other takes these functions for its own.
template <class Own>
struct SearchFunctions {
  static Half scale(const float* x, const float* weights, int n, int lowest, int highest,
                    std::uint8_t* level) noexcept {
    const EvenLevels levels(lowest, highest);
    return weights ? fit_one(x, GivenWeights{weights}, n, levels, level)
                   : fit_one(x, EqualWeights{}, n, levels, level);
  }

  static Half iq4(const float* x, const float* weights, int n, std::uint8_t* level) noexcept {
    return weights ? fit_one(x, GivenWeights{weights}, n, Iq4Levels(), level)
                   : fit_one(x, EqualWeights{}, n, Iq4Levels(), level);
  }

  static Affine affine(const float* x, const float* weights, int n, int highest,
                       std::uint8_t* level) noexcept {
    return weights ? fit_affine_one(x, GivenWeights{weights}, n, highest, level)
                   : fit_affine_one(x, EqualWeights{}, n, highest, level);
  }

  static std::uint8_t exponent(const float* x, const float* weights, int n, std::uint8_t* level) noexcept {
    return weights ? search_exponent(x, GivenWeights{weights}, n, level)
                   : search_exponent(x, EqualWeights{}, n, level);
  }

  static void groups(const float* x, const float* weights, int lowest, int highest, int scale_limit,
                     ScaledGroups& out) noexcept {
    const EvenLevels levels(lowest, highest);
    weights ? fit_scaled_groups(x, GivenWeights{weights}, 16, levels, scale_limit, out)
            : fit_scaled_groups(x, EqualWeights{}, 16, levels, scale_limit, out);
  }

  static void iq4_groups(const float* x, const float* weights, int scale_limit, ScaledGroups& out) noexcept {
    weights ? fit_scaled_groups(x, GivenWeights{weights}, 32, Iq4Levels(), scale_limit, out)
            : fit_scaled_groups(x, EqualWeights{}, 32, Iq4Levels(), scale_limit, out);
  }

  static void affine_groups(const float* x, const float* weights, int length, int highest, int scale_highest,
                            AffineGroups& out) noexcept {
    weights ? fit_affine_groups(x, GivenWeights{weights}, length, highest, scale_highest, out)
            : fit_affine_groups(x, EqualWeights{}, length, highest, scale_highest, out);
  }

  static constexpr Searches all = {scale, iq4, affine, exponent, groups, iq4_groups, affine_groups};
};

}  // namespace linnet::quant::detail
