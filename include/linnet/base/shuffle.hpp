// base/shuffle.hpp - the lanes of vectors of the compiler in another order. Never names an instruction set.
#pragma once

#include <linnet/base/config.hpp>

namespace linnet {

/// The vector whose lane i is lane Lanes[i] of a followed by b.
template <int... Lanes, class Vector>
LINNET_ALWAYS_INLINE Vector shuffle(const Vector& a, const Vector& b) noexcept {
#ifdef __clang__
  return __builtin_shufflevector(a, b, Lanes...);
#else
  // g++ has the other builtin since version 12 only; this one wants its lanes as a vector of integers.
  return __builtin_shuffle(a, b, Vector{Lanes...});
#endif
}

}  // namespace linnet
