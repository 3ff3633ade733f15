// defaults_test.cpp - what a model's file recommends becomes the options' defaults.
#include <cmath>
#include <cstdint>
#include <string>

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

TEST(SamplingDefaults, RefuseBadValues) {
  const auto error_of = [](const char* key, gguf::Value value) -> std::string {
    gguf::Metadata metadata;
    metadata.set(key, value);
    try {
      sampling_defaults(metadata);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_model);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of("general.sampling.top_p", 7.0f),
            "the file's keys general.sampling.*: top_p: expected 0 to 1, got 7");
  EXPECT_NE(error_of("general.sampling.temp", NAN), "");
  EXPECT_NE(error_of("general.sampling.min_p", 1e300), "");
  EXPECT_NE(error_of("general.sampling.top_k", std::int64_t{-5'000'000'000}), "");
  EXPECT_NE(error_of("general.sampling.mirostat", std::int32_t{3}), "");
  EXPECT_NE(error_of("general.sampling.top_k", "forty"), "");
  EXPECT_NE(error_of("general.sampling.sequence", std::int32_t{3}), "");
}

}  // namespace
}  // namespace linnet::defaults_test
