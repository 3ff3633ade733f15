// defaults_test.cpp - what a model's file recommends becomes the options' defaults.
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>

namespace linnet::defaults_test {
namespace {

TEST(SamplingDefaults, AreKeptWithoutKeys) {
  const SamplingOptions options = sampling_defaults({}, {.top_k = 7});
  EXPECT_EQ(options.top_k, 7);
  EXPECT_EQ(options.temperature, 0.8f);
  EXPECT_EQ(options.order, SamplingOptions{}.order);
}

TEST(SamplingDefaults, TakeEveryKey) {
  gguf::Metadata metadata;
  metadata.set("general.sampling.top_k", std::int32_t{11});
  metadata.set("general.sampling.top_p", 0.5f);
  metadata.set("general.sampling.min_p", 0.25f);
  metadata.set("general.sampling.temp", 1.5f);
  metadata.set("general.sampling.penalty_last_n", std::int32_t{-1});
  metadata.set("general.sampling.penalty_repeat", 1.25f);
  metadata.set("general.sampling.xtc_probability", 0.125f);
  metadata.set("general.sampling.xtc_threshold", 0.375f);
  metadata.set("general.sampling.mirostat", std::int32_t{1});
  metadata.set("general.sampling.mirostat_tau", 4.0f);
  metadata.set("general.sampling.mirostat_eta", 0.5f);
  metadata.set("general.sampling.sequence", "temp;infill;top_k");
  const SamplingOptions options = sampling_defaults(metadata);
  EXPECT_EQ(options.top_k, 11);
  EXPECT_EQ(options.top_p, 0.5f);
  EXPECT_EQ(options.min_p, 0.25f);
  EXPECT_EQ(options.temperature, 1.5f);
  EXPECT_EQ(options.penalty_last_n, -1);
  EXPECT_EQ(options.penalty_repeat, 1.25f);
  EXPECT_EQ(options.xtc_probability, 0.125f);
  EXPECT_EQ(options.xtc_threshold, 0.375f);
  EXPECT_EQ(options.mirostat, 2);
  EXPECT_EQ(options.mirostat_tau, 4.0f);
  EXPECT_EQ(options.mirostat_eta, 0.5f);
  EXPECT_EQ(options.order, "temp;top_k");
}

/// What is said of a recommendation that the options hold as it is.
std::string error_of(const char* key, gguf::Value value) {
  gguf::Metadata metadata;
  metadata.set(key, std::move(value));
  try {
    check_recommendations(metadata, sampling_defaults(metadata));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_model);
    return error.what();
  }
  return "";
}

TEST(SamplingDefaults, RefuseBadValues) {
  EXPECT_EQ(error_of("general.sampling.top_p", 7.0f),
            "key \"general.sampling.top_p\" recommends a value out of range: top_p: expected 0 to 1, got 7; "
            "give this option a value of your own");
  const std::pair<const char*, gguf::Value> cases[] = {
      {"general.sampling.temp", NAN},
      {"general.sampling.min_p", 1e300},
      {"general.sampling.penalty_last_n", std::int64_t{-5'000'000'000}},
      {"general.sampling.mirostat", std::int32_t{3}},
      {"general.sampling.top_k", "forty"},
      {"general.sampling.sequence", std::int32_t{3}},
  };
  for (const auto& [key, value] : cases) EXPECT_NE(error_of(key, value).find(key), std::string::npos) << key;
  std::string many;
  for (int i = 0; i < 65; ++i) many += "top_k;";
  EXPECT_NE(error_of("general.sampling.sequence", many).find("at most 64 samplers"), std::string::npos);
}

TEST(SamplingDefaults, TakeANegativeTopKForNone) {
  gguf::Metadata metadata;
  for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{-5'000'000'000}}) {
    metadata.set("general.sampling.top_k", value);
    EXPECT_EQ(sampling_defaults(metadata).top_k, 0);
  }
  EXPECT_EQ(error_of("general.sampling.top_k", std::int32_t{-1}), "");
}

TEST(SamplingDefaults, MayBeBadWhereTheyAreNotUsed) {
  std::string many;
  for (int i = 0; i < 65; ++i) many += "top_k;";
  gguf::Metadata metadata;
  metadata.set("general.sampling.top_p", 7.0f);
  metadata.set("general.sampling.temp", NAN);
  metadata.set("general.sampling.sequence", many);
  SamplingOptions options = sampling_defaults(metadata);
  options.top_p = 0.5f;
  options.temperature = 1;
  options.order = "top_p";
  EXPECT_NO_THROW(check_recommendations(metadata, options));
  options.temperature = NAN;
  EXPECT_THROW(check_recommendations(metadata, options), Error);
}

}  // namespace
}  // namespace linnet::defaults_test
