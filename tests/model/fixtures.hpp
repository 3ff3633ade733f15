// tests/model/fixtures.hpp - what tests of models share: the small random models of tests/reference, tokens,
// and logits by one call. Never an expectation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/model/engine.hpp>

namespace linnet::tests {

inline std::filesystem::path fixture_path(std::string_view name) {
  return std::filesystem::path(LINNET_SOURCE_DIR) / "tests/reference/fixtures" / concat(name, ".gguf");
}

/// Every model of tests/reference.
inline std::vector<std::string> fixture_names() {
  const std::string expected = ".expected", gguf = ".gguf";
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(fixture_path("x").parent_path())) {
    const std::string name = file.path().stem();
    if (file.path().extension() == gguf && !name.ends_with(expected)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// A fixture's name as a test's name.
struct FixtureName {
  template <class Info>
  std::string operator()(const Info& info) const {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  }
};

/// A fixture, loaded once.
inline std::shared_ptr<const Model> fixture(std::string_view name) {
  static std::map<std::string, std::shared_ptr<const Model>, std::less<>> models;
  const auto found = models.find(name);
  if (found != models.end()) return found->second;
  return models[std::string(name)] = Model::load(fixture_path(name));
}

/// Tokens that every fixture has, the same for a seed.
inline std::vector<Token> some_tokens(std::int64_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<Token> tokens(static_cast<std::size_t>(count));
  for (Token& token : tokens) token = static_cast<Token>(3 + random() % 90);
  return tokens;
}

using Logits = std::vector<float>;

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Appends the tokens to the sequence.
inline Logits forward(Engine& engine, SequenceId sequence, std::span<const Token> tokens,
                      LogitRows rows = LogitRows::last) {
  const BatchEntry entry{sequence, tokens, rows};
  const auto vocabulary = engine.model().spec().vocabulary;
  Logits logits(static_cast<std::size_t>(Engine::count_logit_rows({&entry, 1}) * vocabulary));
  engine.forward({&entry, 1}, logits);
  return logits;
}

/// What a new engine computes for these tokens at once. The cache is large enough for all of them.
inline Logits fresh_logits(const std::shared_ptr<const Model>& model, std::span<const Token> tokens,
                           LogitRows rows = LogitRows::last, DType type = DType::f32) {
  Engine engine(model, {.threads = 1, .cache = {.type = type, .tokens = 1024, .max_batch = 1024}});
  return forward(engine, engine.create(), tokens, rows);
}

/// Row t of logits of all tokens.
inline std::span<const float> row(const Logits& logits, std::int64_t t, std::int64_t vocabulary) {
  return std::span(logits).subspan(static_cast<std::size_t>(t * vocabulary),
                                   static_cast<std::size_t>(vocabulary));
}

/// The largest difference, relative to the largest expected value.
inline double relative_error(std::span<const float> found, std::span<const float> expected) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(found[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

}  // namespace linnet::tests
