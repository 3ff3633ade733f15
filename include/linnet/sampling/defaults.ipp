// sampling/defaults.ipp - the body of defaults.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>

namespace linnet {
namespace detail {

using SamplingField =
    std::variant<int SamplingOptions::*, float SamplingOptions::*, std::string SamplingOptions::*>;

/// The keys, behind "general.sampling.", and the options for which they recommend a value.
inline constexpr std::pair<std::string_view, SamplingField> sampling_keys[] = {
    {"top_k", &SamplingOptions::top_k},
    {"top_p", &SamplingOptions::top_p},
    {"min_p", &SamplingOptions::min_p},
    {"temp", &SamplingOptions::temperature},
    {"penalty_last_n", &SamplingOptions::penalty_last_n},
    {"penalty_repeat", &SamplingOptions::penalty_repeat},
    {"xtc_probability", &SamplingOptions::xtc_probability},
    {"xtc_threshold", &SamplingOptions::xtc_threshold},
    {"mirostat", &SamplingOptions::mirostat},
    {"mirostat_tau", &SamplingOptions::mirostat_tau},
    {"mirostat_eta", &SamplingOptions::mirostat_eta},
    {"sequence", &SamplingOptions::order},
};

inline int read_recommendation(const gguf::Metadata& metadata, const std::string& key, int) {
  using Limits = std::numeric_limits<int>;
  return static_cast<int>(std::clamp<std::int64_t>(metadata.integer(key), Limits::min(), Limits::max()));
}

inline float read_recommendation(const gguf::Metadata& metadata, const std::string& key, float) {
  return static_cast<float>(metadata.real(key));
}

inline std::string read_recommendation(const gguf::Metadata& metadata, const std::string& key,
                                       const std::string&) {
  const std::string_view order = metadata.text(key);
  try {
    return known_samplers(order);
  } catch (const Error&) {
    return std::string(order);  // too many: refused where it is used
  }
}

/// Equal, or both NaN.
template <class T>
bool same_value(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a)) return std::isnan(b);
  return a == b;
}

/// Calls visit(key, field, value) for every recommendation in the file.
template <class Visit>
void visit_recommendations(const gguf::Metadata& metadata, Visit visit) {
  for (const auto& [name, any_field] : sampling_keys) {
    const std::string key = concat("general.sampling.", name);
    if (!metadata.contains(key)) continue;
    std::visit(
        [&](auto field) {
          auto value = read_recommendation(metadata, key, SamplingOptions().*field);
          if constexpr (std::is_same_v<decltype(value), int>) {
            if (name == "top_k") value = std::max(value, 0);
            if (name == "mirostat" && value == 1) value = 2;
          }
          visit(key, field, value);
        },
        any_field);
  }
}

}  // namespace detail

LINNET_INLINE SamplingOptions sampling_defaults(const gguf::Metadata& metadata, SamplingOptions defaults) {
  detail::visit_recommendations(
      metadata, [&](const std::string&, auto field, const auto& value) { defaults.*field = value; });
  return defaults;
}

LINNET_INLINE void check_recommendations(const gguf::Metadata& metadata, const SamplingOptions& options) {
  detail::visit_recommendations(metadata, [&](const std::string& key, auto field, const auto& value) {
    if (!detail::same_value(options.*field, value)) return;
    SamplingOptions alone = {.seed = 0};
    alone.*field = value;
    try {
      const Sampler checked(alone, 1);
    } catch (const Error& error) {
      fail(ErrorCode::bad_model, "key \"", key, "\" recommends a value out of range: ", error.what(),
           "; give this option a value of your own");
    }
  });
}

}  // namespace linnet
