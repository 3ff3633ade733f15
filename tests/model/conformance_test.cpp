// conformance_test.cpp - logits of every architecture against Hugging Face Transformers' in float32, from the
// fixtures of tests/reference. Never needs Python.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <linnet/model/engine.hpp>

namespace linnet::conformance_test {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(LINNET_SOURCE_DIR) / "tests/reference/fixtures";

std::vector<std::string> fixture_names() {
  const std::string ending = ".expected.gguf";
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(fixtures)) {
    const std::string name = file.path().filename();
    if (name.ends_with(ending)) names.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// What Transformers computed.
struct Expected {
  std::vector<Token> tokens, greedy;
  std::vector<float> logits;       // [tokens, vocabulary], of one prefill
  std::vector<float> step_logits;  // row t: of a prefill that ends with token t
};

std::vector<Token> read_tokens(const gguf::File& file, const std::string& name) {
  const TensorView& view = file.find(name)->view;
  const auto* values = reinterpret_cast<const std::int32_t*>(view.data);
  return {values, values + view.elements()};
}

Expected read_expected(const std::string& name) {
  const gguf::File file = gguf::File::open(fixtures / (name + ".expected.gguf"));
  Expected expected{
      read_tokens(file, "tokens"), read_tokens(file, "greedy"), read_floats(*file.find("logits")), {}};
  const gguf::Tensor* steps = file.find("step_logits");
  expected.step_logits = steps ? read_floats(*steps) : expected.logits;
  return expected;
}

/// The largest difference, relative to the largest expected logit.
double error(std::span<const float> logits, std::span<const float> expected) {
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    difference = std::max(difference, std::fabs(static_cast<double>(logits[i]) - expected[i]));
    largest = std::max(largest, std::fabs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

class Conformance : public testing::TestWithParam<std::string> {
 protected:
  static constexpr double bar = 1e-4;

  Conformance()
      : expected_(read_expected(GetParam())),
        model_(Model::load(fixtures / (GetParam() + ".gguf"))),
        engine_(model_, {.threads = 1, .cache = {.type = DType::f32, .tokens = 256, .max_batch = 128}}),
        vocabulary_(static_cast<std::size_t>(model_->spec().vocabulary)) {}

  Expected expected_;
  std::shared_ptr<const Model> model_;
  Engine engine_;
  std::size_t vocabulary_;
};

TEST_P(Conformance, PrefillGivesTheReferenceLogits) {
  std::vector<float> logits(expected_.tokens.size() * vocabulary_);
  const BatchEntry entry{engine_.create(), expected_.tokens, LogitRows::all};
  engine_.forward({&entry, 1}, logits);
  const double found = error(logits, expected_.logits);
  RecordProperty("relative_error", std::to_string(found));
  EXPECT_LT(found, bar);
}

TEST_P(Conformance, TokenByTokenGivesTheReferenceLogits) {
  const SequenceId sequence = engine_.create();
  std::vector<float> logits(expected_.tokens.size() * vocabulary_);
  for (std::size_t t = 0; t < expected_.tokens.size(); ++t) {
    const BatchEntry entry{sequence, {&expected_.tokens[t], 1}, LogitRows::last};
    engine_.forward({&entry, 1}, {logits.data() + t * vocabulary_, vocabulary_});
  }
  EXPECT_LT(error(logits, expected_.step_logits), bar);
}

TEST_P(Conformance, GreedyTokensAreTheReference) {
  const SequenceId sequence = engine_.create();
  std::vector<float> logits(vocabulary_);
  std::vector<Token> next(expected_.tokens.begin(), expected_.tokens.begin() + 32), generated;
  while (generated.size() < expected_.greedy.size()) {
    const BatchEntry entry{sequence, next, LogitRows::last};
    engine_.forward({&entry, 1}, logits);
    next = {static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin())};
    generated.push_back(next[0]);
  }
  EXPECT_EQ(generated, expected_.greedy);
}

INSTANTIATE_TEST_SUITE_P(Transformers, Conformance, testing::ValuesIn(fixture_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace linnet::conformance_test
