// sampling/temperature.hpp - flattens or sharpens the distribution. Never removes a candidate above 1e-6.
#pragma once

#include <algorithm>
#include <string_view>

#include <linnet/sampling/candidates.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet::sampling {

/// logit / T. With a range r > 0, T runs from max(0, temperature - r) to temperature + r as the entropy of
/// the candidates runs from 0 to its maximum: T = low + (high - low) (H / log n)^exponent.
class Temperature {
 public:
  static constexpr std::string_view names[] = {"temperature", "temp"};
  static constexpr bool removes_candidates = false;

  explicit Temperature(const SamplingOptions& options)
      : temperature_(options.temperature),
        range_(options.dynatemp_range),
        exponent_(options.dynatemp_exponent) {
    check_option("temperature", options.temperature, -limit, limit);
    check_option("dynatemp_range", options.dynatemp_range, 0.0f, limit);
    check_option("dynatemp_exponent", options.dynatemp_exponent, 0.0f, limit);
  }

  bool active() const noexcept { return temperature_ != 1 || range_ > 0; }

  void apply(Candidates& candidates) const {
    const double temperature = range_ > 0 ? dynamic_temperature(candidates) : temperature_;
    if (temperature < coldest) return candidates.keep_best(1);
    candidates.change_all([&](double logit) { return logit / temperature; });
  }

 private:
  static constexpr float limit = 1e6f;
  static constexpr double coldest = 1e-6;  // below it the best has all of the probability, in all but name

  double dynamic_temperature(const Candidates& candidates) const {
    const double low = std::max(0.0, temperature_ - range_), high = temperature_ + range_;
    if (candidates.size() < 2) return temperature_;
    const double share = entropy(candidates) / log_positive(static_cast<double>(candidates.size()));
    return low + (high - low) * power_of_fraction(std::clamp(share, 0.0, 1.0), exponent_);
  }

  double temperature_, range_, exponent_;
};

}  // namespace linnet::sampling
