// laboratory/spread.hpp - what repeated measurements say together. Never measures.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace linnet::laboratory {

/// Measurements by rising value. @pre where a value is asked for, there is one.
class Spread {
 public:
  Spread() = default;
  explicit Spread(std::vector<double> values) : values_(std::move(values)) {
    std::sort(values_.begin(), values_.end());
  }

  double min() const { return values_.front(); }
  double max() const { return values_.back(); }
  double median() const { return quantile(0.5); }
  /// The value below which this share lies, between two measurements in proportion.
  double quantile(double share) const {
    const double at = share * static_cast<double>(values_.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, values_.size() - 1);
    return values_[below] + (at - static_cast<double>(below)) * (values_[above] - values_[below]);
  }
  double standard_deviation() const {
    if (values_.size() < 2) return 0;
    const auto n = static_cast<double>(values_.size());
    double mean = 0, squares = 0;
    for (double v : values_) mean += v / n;
    for (double v : values_) squares += (v - mean) * (v - mean);
    return std::sqrt(squares / (n - 1));
  }
  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

}  // namespace linnet::laboratory
