// embedding_test.cpp - hidden states give the logits, pooled states are what their names say, whatever else
// is computed beside them.
#include <cmath>

#include <gtest/gtest.h>
#include <linnet/model/embedding.hpp>
#include <linnet/quant/convert.hpp>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>

namespace linnet::embedding_test {
namespace {

using namespace tests;

constexpr Pooling poolings[] = {Pooling::mean, Pooling::last, Pooling::first};

/// [tokens, embedding] of a text alone.
std::vector<float> states_of(const std::shared_ptr<const Model>& model, std::span<const Token> tokens) {
  Engine engine(model, {.threads = 1, .cache = {.type = DType::f32, .tokens = 1024, .max_batch = 1024}});
  const BatchEntry entry{engine.create(), tokens, LogitRows::all};
  std::vector<float> states(tokens.size() * static_cast<std::size_t>(model->spec().embedding));
  engine.forward_states({&entry, 1}, states);
  return states;
}

class StatesOf : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, StatesOf, testing::ValuesIn(fixture_names()), FixtureName());

TEST_P(StatesOf, GiveTheLogits) {
  const auto model = fixture(GetParam());
  const Spec& spec = model->spec();
  const auto tokens = some_tokens(12);
  const Logits logits = fresh_logits(model, tokens, LogitRows::all);
  const std::vector<float> states = states_of(model, tokens);
  const Linear& output = model->weights().output;
  std::vector<float> weights(static_cast<std::size_t>(output.weight.elements()));
  quant::dequantize(output.weight.type, output.weight.data, weights);
  std::vector<float> expected;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    for (std::int64_t v = 0; v < spec.vocabulary; ++v) {
      double sum = output.bias.empty() ? 0 : static_cast<double>(output.bias[static_cast<std::size_t>(v)]);
      for (std::int64_t c = 0; c < spec.embedding; ++c)
        sum += static_cast<double>(weights[static_cast<std::size_t>(v * spec.embedding + c)]) *
               states[t * static_cast<std::size_t>(spec.embedding) + static_cast<std::size_t>(c)];
      const double cap = spec.logit_soft_cap;
      expected.push_back(static_cast<float>(cap > 0 ? cap * std::tanh(sum / cap) : sum));
    }
  // Packed weights round the states to bytes.
  EXPECT_LT(relative_error(logits, expected), output.packed ? 2e-2 : 1e-5);
}

TEST_P(StatesOf, ArePooledAsAsked) {
  const auto model = fixture(GetParam());
  const auto width = static_cast<std::size_t>(model->spec().embedding);
  const auto tokens = some_tokens(40);
  const std::vector<float> states = states_of(model, tokens);
  Engine engine(model, {.threads = 1, .cache = {.type = DType::f32, .tokens = 64, .max_batch = 16}});
  const std::vector<Token> texts[] = {tokens};
  for (const Pooling pooling : poolings) {
    std::vector<float> expected(width);
    for (std::size_t c = 0; c < width; ++c) {
      double mean = 0;
      for (std::size_t t = 0; t < tokens.size(); ++t) mean += static_cast<double>(states[t * width + c]);
      expected[c] = pooling == Pooling::mean   ? static_cast<float>(mean / static_cast<double>(tokens.size()))
                    : pooling == Pooling::last ? states[(tokens.size() - 1) * width + c]
                                               : states[c];
    }
    const auto found = embed(engine, texts, {.pooling = pooling, .normalize = false});
    EXPECT_TRUE(same_bits(found, expected)) << static_cast<int>(pooling);
    const auto unit = embed(engine, texts, {.pooling = pooling});
    double squares = 0, product = 0, length = 0;
    for (std::size_t c = 0; c < width; ++c) {
      squares += static_cast<double>(unit[c]) * unit[c];
      product += static_cast<double>(unit[c]) * found[c];
      length += static_cast<double>(found[c]) * found[c];
    }
    EXPECT_NEAR(squares, 1, 1e-6);
    EXPECT_NEAR(product, std::sqrt(length), 1e-5 * std::sqrt(length));
  }
}

TEST(Embed, TextsSideBySideDoNotTouchEachOther) {
  const auto model = fixture("gemma2");
  const auto width = static_cast<std::size_t>(model->spec().embedding);
  std::vector<std::vector<Token>> texts;
  for (const std::int64_t length : {1, 30, 2, 45, 33, 5, 64, 3, 3, 90, 1})
    texts.push_back(some_tokens(length, static_cast<unsigned>(texts.size())));
  for (const Pooling pooling : poolings) {
    std::vector<float> expected;
    for (const auto& text : texts) {
      Engine engine(model, {.threads = 1, .cache = {.type = DType::f32, .tokens = 128, .max_batch = 128}});
      const auto one = embed(engine, {&text, 1}, {.pooling = pooling});
      expected.insert(expected.end(), one.begin(), one.end());
    }
    for (const auto& [sequences, batch] : {std::pair{1, 7}, {3, 64}, {16, 128}}) {
      Engine engine(
          model,
          {.threads = 2,
           .cache = {.type = DType::f32, .tokens = 128, .max_sequences = sequences, .max_batch = batch}});
      EXPECT_TRUE(same_bits(embed(engine, texts, {.pooling = pooling}), expected)) << sequences;
      EXPECT_EQ(engine.free_sequences(), sequences);
    }
  }
  EXPECT_EQ(embed(*std::make_unique<Engine>(model, EngineOptions{.threads = 1}), {}, {}).size(), 0 * width);
}

TEST(Embed, ErrorsLeaveNoSequence) {
  const auto model = fixture("llama");
  bool stop = false;
  Engine engine(model, {.threads = 1,
                        .cache = {.type = DType::f32, .tokens = 64, .max_sequences = 3, .max_batch = 16},
                        .should_stop = [&] { return stop; }});
  const SequenceId own = engine.create();
  const auto refused = [&](ErrorCode code, std::string_view text, std::vector<std::vector<Token>> texts) {
    expect_error(code, text, [&] { embed(engine, texts); });
    EXPECT_EQ(engine.free_sequences(), 2);
  };
  refused(ErrorCode::invalid_argument, "text 1", {some_tokens(3), {}});
  refused(ErrorCode::invalid_argument, "101", {some_tokens(3), {5, 101}});
  refused(ErrorCode::context_full, "text 1", {some_tokens(3), some_tokens(65)});
  stop = true;
  refused(ErrorCode::cancelled, "", {some_tokens(3)});
  stop = false;
  engine.create(), engine.create();
  expect_error(ErrorCode::context_full, "sequences",
               [&] { embed(engine, std::vector<std::vector<Token>>{some_tokens(3)}); });
  EXPECT_EQ(engine.length(own), 0);
}

}  // namespace
}  // namespace linnet::embedding_test
