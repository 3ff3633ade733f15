// model/observer.hpp - how a program sees what a model multiplies. Never changes it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <linnet/model/weights.hpp>

namespace linnet {

/// Called with the inputs of each product before it is made: `tokens` rows x of parts[0].weight.cols()
/// values, `x_stride` apart, which all of `parts` are multiplied by. Experts that no token chose are not
/// seen. Runs in one thread while the others wait; must not throw, nor keep x.
using ProductObserver = std::function<void(std::span<const Linear> parts, const float* x,
                                           std::int64_t x_stride, std::int64_t tokens)>;

}  // namespace linnet
