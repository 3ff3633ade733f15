// laboratory/random_values.hpp - values such as weights and activations have, the same in every run.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace linnet::laboratory {

/// Floats of a normal distribution.
inline std::vector<float> normal_values(std::int64_t count, float deviation, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

/// Relative rms of what differs from a reference, added up value by value.
class RelativeError {
 public:
  /// @param size  what the difference is compared with, where that is not the value itself: a sum that
  /// happens
  ///              to cancel out has an error all the same.
  void add(double found, double expected, double size) {
    error_ += (found - expected) * (found - expected);
    size_ += size * size;
  }
  void add(double found, double expected) { add(found, expected, expected); }
  /// Infinite where something is no number.
  double value() const {
    const double relative = std::sqrt(error_ / (size_ > 0 ? size_ : 1));
    return std::isfinite(relative) ? relative : INFINITY;
  }

 private:
  double error_ = 0, size_ = 0;
};

}  // namespace linnet::laboratory
