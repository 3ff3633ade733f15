// sampling/defaults.ipp - the body of defaults.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>

namespace linnet {

LINNET_INLINE SamplingOptions sampling_defaults(const gguf::Metadata& metadata, SamplingOptions defaults) {
  const std::string prefix = "general.sampling.";
  const auto real = [&](std::string_view key, float& value) {
    value = static_cast<float>(metadata.real(prefix + std::string(key), value));
  };
  const auto integer = [&](std::string_view key, int& value) {
    using Limits = std::numeric_limits<int>;
    value = static_cast<int>(std::clamp<std::int64_t>(metadata.integer(prefix + std::string(key), value),
                                                      Limits::min(), Limits::max()));
  };
  integer("top_k", defaults.top_k);
  real("top_p", defaults.top_p);
  real("min_p", defaults.min_p);
  real("temp", defaults.temperature);
  integer("penalty_last_n", defaults.penalty_last_n);
  real("penalty_repeat", defaults.penalty_repeat);
  real("xtc_probability", defaults.xtc_probability);
  real("xtc_threshold", defaults.xtc_threshold);
  integer("mirostat", defaults.mirostat);
  if (defaults.mirostat == 1) defaults.mirostat = 2;
  real("mirostat_tau", defaults.mirostat_tau);
  real("mirostat_eta", defaults.mirostat_eta);
  try {
    if (metadata.contains(prefix + "sequence"))
      defaults.order = known_samplers(metadata.text(prefix + "sequence"));
    const Sampler checked(defaults, std::numeric_limits<Token>::max(), [](Token) { return std::string(); });
  } catch (const Error& error) {
    fail(ErrorCode::bad_model, "the file's keys ", prefix, "*: ", error.what());
  }
  return defaults;
}

}  // namespace linnet
