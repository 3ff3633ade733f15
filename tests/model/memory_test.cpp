// memory_test.cpp - memory is summed as it is then taken, and a budget is kept or refused with the sum.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/memory.hpp>
#include <model/edited_model.hpp>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>

namespace linnet::memory_test {
namespace {

using namespace tests;

class MemoryOf : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, MemoryOf, testing::ValuesIn(fixture_names()), FixtureName());

TEST_P(MemoryOf, IsWhatIsTaken) {
  const auto model = fixture(GetParam());
  for (const std::int64_t tokens : {32, 100, 5000})
    for (const DType type : {DType::f16, DType::q8_0}) {
      const EngineOptions options{
          .threads = 2, .cache = {.type = type, .tokens = tokens, .max_sequences = 3, .max_batch = 32}};
      const MemoryUse use = measure_memory(*model, options);
      const Engine engine(model, options);
      EXPECT_EQ(use.cache, engine.cache().bytes());
      EXPECT_EQ(use.scratch, engine.scratch_bytes());
      EXPECT_EQ(use.weights, model->weight_bytes());
    }
}

TEST(Memory, WeightsAreThoseThatArePackedAndThoseThatAreNot) {
  EditedModel source("llama");
  const auto model = source.convert(DType::q8_0, 32).load();
  std::int64_t matrices = 0;
  for_each_matrix(model->weights(), [&](const Linear& matrix) { matrices += matrix.weight.bytes(); });
  EXPECT_GE(model->weight_bytes(), matrices);
  EXPECT_LE(model->weight_bytes(), matrices + 64 * 16 * 40) << "rows are rounded up to a group";
  EXPECT_EQ(source.load({.mmap = true})->weight_bytes(), 0);
}

TEST(Memory, ABudgetIsKeptOrRefusedWithTheSum) {
  EditedModel source("llama");
  source.convert(DType::q8_0, 32);
  const auto free = source.load();
  EngineOptions options{.threads = 1, .cache = {.type = DType::f16, .tokens = 4096, .max_batch = 64}};
  const std::int64_t need = measure_memory(*free, options).total();
  const auto with = [&](std::int64_t memory) {
    options.memory = memory;
    return Engine(free, options).cache().bytes();
  };
  EXPECT_GT(with(need), 0);
  EXPECT_GT(with(0), 0);
  for (const char* text : {"weights", "cache 1 MiB for 4096 tokens in F16", "scratch", "program", "what fits",
                           "mmap", "a context of", "q8_0"})
    expect_error(ErrorCode::out_of_memory, text, [&] { with(need - 1); });
  expect_error(ErrorCode::out_of_memory, "nothing smaller", [&] { with(1000); });
  expect_error(ErrorCode::invalid_argument, "-1", [&] { with(-1); });

  // The model's budget holds for its engines.
  const auto limited = source.load({.memory = need - 1});
  options.memory = 0;
  expect_error(ErrorCode::out_of_memory, "weights", [&] { Engine(limited, options); });
  options.memory = need;
  EXPECT_EQ(Engine(limited, options).cache().capacity(), 4096);
  expect_error(ErrorCode::out_of_memory, "mmap", [&] { source.load({.memory = free->weight_bytes() - 1}); });
  for (const bool mmap : {false, true})
    expect_error(ErrorCode::invalid_argument, "-1", [&] { source.load({.mmap = mmap, .memory = -1}); });
  EXPECT_EQ(source.load({.mmap = true, .memory = 1})->weight_bytes(), 0);
}

TEST(Memory, WhatIsProposedFits) {
  for (const char* name : {"llama", "gemma2", "mixtral"}) {
    const auto model = fixture(name);
    EngineOptions options{.threads = 1, .cache = {.type = DType::f16, .tokens = 4096, .max_batch = 64}};
    const MemoryUse use = measure_memory(*model, options);
    options.memory = use.total() - use.cache / 3;
    try {
      Engine(model, options);
      FAIL() << "it does not fit";
    } catch (const Error& error) {
      const std::string text = error.what();
      const std::string before = "a context of ";
      ASSERT_NE(text.find(before), text.npos) << text;
      options.cache.tokens = std::stoll(text.substr(text.find(before) + before.size()));
    }
    EXPECT_GT(options.cache.tokens, 256);
    EXPECT_EQ(Engine(model, options).cache().capacity(), options.cache.tokens);
    options.cache.tokens += 32;
    EXPECT_THROW(Engine(model, options), Error) << "more would have fitted";
  }
}

TEST(Memory, MmapIsProposedWhereItFits) {
  EditedModel source("llama");
  const auto packed = source.convert(DType::q8_0, 32).load(), mapped = source.load({.mmap = true});
  EngineOptions options{.threads = 1, .cache = {.type = DType::q8_0, .tokens = 64, .max_batch = 8}};
  options.memory = measure_memory(*mapped, options).total();
  ASSERT_LT(options.memory, measure_memory(*packed, options).total());
  expect_error(ErrorCode::out_of_memory, "mmap", [&] { Engine(packed, options); });
  EXPECT_EQ(Engine(mapped, options).cache().capacity(), 64);
  --options.memory;
  expect_error(ErrorCode::out_of_memory, "nothing smaller fits", [&] { Engine(packed, options); });
}

TEST(Memory, TheContextIsTheLargestThatFits) {
  EditedModel source("llama");
  const auto model = source.set("llama.context_length", std::uint32_t{2048}).load();
  EngineOptions options{.threads = 1, .cache = {.type = DType::f16, .max_batch = 64}};
  const std::int64_t usual = std::min<std::int64_t>(model->spec().context, 4096);
  EXPECT_EQ(choose_context(*model, options, 0), usual);
  EXPECT_EQ(choose_context(*model, options, 77), 77);
  expect_error(ErrorCode::invalid_argument, "-2", [&] { choose_context(*model, options, -2); });
  options.cache.tokens = usual;
  const MemoryUse use = measure_memory(*model, options);
  for (const std::int64_t share : {8, 3, 2}) {
    options.memory = use.total() - use.cache / share;
    const std::int64_t chosen = choose_context(*model, options, 0);
    ASSERT_LT(chosen, usual);
    options.cache.tokens = chosen;
    EXPECT_LE(measure_memory(*model, options).total(), options.memory);
    options.cache.tokens = chosen + 32;
    EXPECT_GT(measure_memory(*model, options).total(), options.memory);
  }
  options.memory = 1000;
  EXPECT_EQ(choose_context(*model, options, 0), usual) << "the engine says what does not fit";
}

TEST(Loading, StopsOnRequestAndOnTheCallingThread) {
  EditedModel source("llama");
  source.convert(DType::q8_0, 32);
  if (!kernels::entry(kernels::active().interleave, DType::q8_0)) GTEST_SKIP() << "nothing is packed here";
  const auto caller = std::this_thread::get_id();
  int asked = 0;
  const auto stop = [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    return ++asked > 0;
  };
  expect_error(ErrorCode::cancelled, "stopped", [&] { source.load({.threads = 1, .should_stop = stop}); });
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(source.load({.threads = 3, .should_stop = [&] {
                             EXPECT_EQ(std::this_thread::get_id(), caller);
                             return false;
                           }}));
}

// The calling thread asks before each of its pieces: there are few in so small a model, and others may have
// all of them.
TEST(Loading, LetsAnExceptionOfShouldStopThrough) {
  EditedModel source("llama");
  source.convert(DType::q8_0, 32);
  if (!kernels::entry(kernels::active().interleave, DType::q8_0)) GTEST_SKIP() << "nothing is packed here";
  for (const int threads : {1, 2}) {
    bool asked = false;
    const auto refuse = [&]() -> bool {
      asked = true;
      throw std::runtime_error("mine");
    };
    for (int tries = 0; tries < 1000 && !asked; ++tries) {
      try {
        source.load({.threads = threads, .should_stop = refuse});
        EXPECT_FALSE(asked);
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "mine");
      }
    }
    EXPECT_TRUE(asked) << threads;
  }
}

}  // namespace
}  // namespace linnet::memory_test
