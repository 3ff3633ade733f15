// arch/phi3.hpp - Phi-3, 3.5, 4 and 4-mini: a window in every layer, and long contexts by factors.
#pragma once

#include <linnet/model/arch/windows.hpp>

namespace linnet::arch {

inline Spec phi3(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  set_windows(spec, read_window(in), [](std::int64_t) { return true; });
  return spec;
}

}  // namespace linnet::arch
