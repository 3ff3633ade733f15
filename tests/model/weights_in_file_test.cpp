// weights_in_file_test.cpp - weights that stay in the file: packed as they are read they give the bits of
// packed ones, and in float32 those of their values.
#include <string>

#include <gtest/gtest.h>
#include <linnet/model/memory.hpp>
#include <linnet/model/packing.hpp>
#include <model/edited_model.hpp>
#include <model/fixtures.hpp>

namespace linnet::weights_in_file_test {
namespace {

using namespace tests;

class WeightsInFile : public testing::TestWithParam<std::string> {};

/// The fixtures with a matrix whose rows are whole blocks; the rest cannot be quantized.
std::vector<std::string> quantizable_names() {
  std::vector<std::string> names = fixture_names();
  std::erase_if(names, [](const std::string& name) {
    bool whole = false;
    for_each_matrix(fixture(name)->weights(),
                    [&](const Linear& matrix) { whole = whole || matrix.weight.cols() % 32 == 0; });
    return !whole;
  });
  return names;
}
INSTANTIATE_TEST_SUITE_P(Fixtures, WeightsInFile, testing::ValuesIn(quantizable_names()), FixtureName());

/// A prompt in pieces and then token by token.
Logits write(const std::shared_ptr<const Model>& model, int threads) {
  Engine engine(model, {.threads = threads,
                        .every_thread = true,
                        .cache = {.type = DType::f32, .tokens = 64, .max_batch = 17}});
  const SequenceId sequence = engine.create();
  Logits all = forward(engine, sequence, some_tokens(40), LogitRows::all);
  for (unsigned step = 0; step < 3; ++step) {
    const Logits next = forward(engine, sequence, some_tokens(1, step));
    all.insert(all.end(), next.begin(), next.end());
  }
  return all;
}

TEST_P(WeightsInFile, GiveTheBitsOfPackedOnes) {
  for (const DType type : {DType::q8_0, DType::q5_1, DType::iq4_nl}) {
    EditedModel source(GetParam());
    source.convert(type, 32);
    const Logits expected = write(source.load(), 1);
    const auto mapped = source.load({.mmap = true});
    for (const int threads : {1, 3})
      EXPECT_TRUE(same_bits(write(mapped, threads), expected)) << to_string(type) << ", " << threads;
  }
}

// A vocabulary so large that a thread takes more rows at a time than it packs.
TEST(WeightsInFileOfManyRows, GiveTheBitsOfPackedOnes) {
  constexpr std::int64_t vocabulary = 40000;
  EditedModel source("llama");
  for (const char* key : {"model", "pre", "tokens", "scores", "token_type", "merges"})
    source.erase(concat("tokenizer.ggml.", key));
  source.erase("llama.vocab_size");
  const std::int64_t width = fixture("llama")->spec().embedding;
  for (const char* name : {"token_embd.weight", "output.weight"})
    source.zeros(name, DType::f32, {width, vocabulary}).change(name, [](std::span<float> values) {
      std::mt19937 random(7);
      for (float& value : values) value = static_cast<float>(random() % 255) - 127.0f;
    });
  source.convert(DType::q8_0, 32);
  const auto mapped = source.load({.mmap = true});
  ASSERT_GT(vocabulary / 8, rows_of_panel(mapped->weights().output.weight));
  EXPECT_TRUE(same_bits(write(mapped, 1), write(source.load(), 1)));
}

TEST_P(WeightsInFile, AreFloatsWhereThatIsAskedFor) {
  EditedModel source(GetParam());
  source.convert(DType::q5_1, 32);
  const auto packed = source.load(), exact = source.load({.float32 = true});
  const auto expected = source.convert(DType::f32).load();
  EXPECT_EQ(exact->weight_bytes(), 0);
  EXPECT_LT(relative_error(write(exact, 2), write(expected, 1)), 1e-5);
  EXPECT_GT(relative_error(write(packed, 1), write(expected, 1)), 1e-5) << "activations are bytes there";
}

TEST_P(WeightsInFile, TakeScratchInsteadOfMemory) {
  EditedModel source(GetParam());
  source.convert(DType::q8_0, 32);
  const auto packed = source.load(), mapped = source.load({.mmap = true}),
             exact = source.load({.float32 = true});
  const EngineOptions options{.threads = 2, .cache = {.type = DType::f32, .tokens = 64, .max_batch = 8}};
  const MemoryUse use = measure_memory(*mapped, options);
  EXPECT_EQ(use.weights, 0);
  EXPECT_EQ(use.scratch, Engine(mapped, options).scratch_bytes());
  EXPECT_GT(use.scratch, measure_memory(*packed, options).scratch);
  EXPECT_EQ(measure_memory(*packed, options).scratch, measure_memory(*exact, options).scratch);
}

}  // namespace
}  // namespace linnet::weights_in_file_test
