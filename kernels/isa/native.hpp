// isa/native.hpp - the kernels for whatever the including file is compiled for: the only instruction set of a
// header-only build, which has no flags of its own to give.
#pragma once

#include <string_view>
#include <type_traits>

#include "../make_table.hpp"

namespace linnet::kernels {

/// The best that xsimd has for the compiler's flags, or floats one by one where it has nothing. Unlike those
/// of the compiled library it has external linkage, so that all files of a program mean the same kernels;
/// being a template on the architecture, files with different flags at least do not mean each other's.
template <class Arch>
struct Native {
  static constexpr std::string_view name = "native";
  using Vector = std::conditional_t<xsimd::types::has_simd_register<float, Arch>::value,
                                    xsimd::batch<float, Arch>, ScalarVector>;

  LINNET_ALWAYS_INLINE static float largest(Vector v) {
    float values[Vector::size];
    v.store_unaligned(values);
    float most = values[0];
    for (float value : values) most = value > most ? value : most;
    return most;
  }
};

}  // namespace linnet::kernels
