// arch/windows.hpp - how architectures give some of their layers a sliding window.
#pragma once

#include <linnet/model/hyperparameters.hpp>
#include <linnet/model/spec.hpp>

namespace linnet::arch {

/// The window's length in positions; 0: none.
inline std::int64_t read_window(const Hyperparameters& in) {
  return in.integer("attention.sliding_window", 0, std::int64_t{1} << 31, 0);
}

/// Gives the window to every layer i for which slides(i).
template <class Slides>
void set_windows(Spec& spec, std::int64_t window, Slides slides) {
  for (std::size_t i = 0; i < spec.layers.size(); ++i)
    if (slides(static_cast<std::int64_t>(i))) spec.layers[i].window = window;
}

}  // namespace linnet::arch
