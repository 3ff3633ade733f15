// kernels/header_only.hpp - the one kernel table of a header-only build. Never part of the compiled library.
#pragma once

// Installed, the kernels lie beside this file; in the source tree they have a folder of their own, because
// there they are compiled once for each instruction set.
#if __has_include(<linnet/kernels/isa/native.hpp>)
#include <linnet/kernels/isa/native.hpp>
#else
#include "../../../kernels/isa/native.hpp"
#endif

namespace linnet::kernels {

/// All files of a program must be compiled for the same instruction set, as for every inline definition.
inline constexpr Table header_only_table = make_table<Native<xsimd::default_arch>>();

}  // namespace linnet::kernels
