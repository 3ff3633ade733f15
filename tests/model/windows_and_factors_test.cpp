// windows_and_factors_test.cpp - sequences that outgrow a window or the original context of a long-context
// model.
#include <gtest/gtest.h>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>

namespace linnet::windows_and_factors_test {
namespace {

using namespace tests;

std::vector<Token> joined(std::vector<Token> a, std::span<const Token> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Windowed : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, Windowed,
                         testing::Values("gemma2", "gemma2-no-scale-key", "gemma3", "gemma3-pattern",
                                         "mistral", "phi3"),
                         FixtureName());

// Pages that the window has left are used again, many times over, and nothing changes.
TEST_P(Windowed, LongTextsInASmallCache) {
  const auto model = fixture(GetParam());
  const auto text = some_tokens(400);
  Engine engine(model, {.threads = 1, .cache = {.type = DType::f32, .tokens = 416, .max_batch = 16}});
  const SequenceId sequence = engine.create();
  std::int64_t done = 0;
  for (const std::int64_t count : {1, 90, 5, 150, 64, 89, 1}) {
    const Logits logits =
        forward(engine, sequence,
                std::span(text).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)));
    done += count;
    EXPECT_TRUE(same_bits(logits, fresh_logits(model, std::span(text).first(static_cast<std::size_t>(done)))))
        << done << " tokens";
  }
  // The windowed group holds its window and a batch; the fixtures' windows are at most 24.
  std::int64_t given_back = 0;
  for (int g = 0; g < engine.cache().groups(); ++g) {
    const auto pages = engine.cache().pages(sequence, g);
    given_back += std::count(pages.begin(), pages.end(), nullptr);
  }
  EXPECT_GE(given_back, 10);
}

TEST_P(Windowed, WindowedLayersTakeLessMemory) {
  const auto model = fixture(GetParam());
  const KvCache small(model->spec(), {.type = DType::f32, .tokens = 512, .max_batch = 32});
  const KvCache large(model->spec(), {.type = DType::f32, .tokens = 8192, .max_batch = 32});
  Spec full = model->spec();
  for (LayerSpec& layer : full.layers) layer.window = 0;
  const KvCache unlimited(full, {.type = DType::f32, .tokens = 8192, .max_batch = 32});
  EXPECT_LT(large.bytes(), unlimited.bytes());
  EXPECT_GE(large.bytes(), small.bytes());
}

TEST_P(Windowed, TruncationGoesAsFarAsTheWindowsAllow) {
  const auto model = fixture(GetParam());
  const auto text = some_tokens(120), more = some_tokens(5, 2);
  Engine engine(model, {.threads = 1, .cache = {.type = DType::f32, .tokens = 256, .max_batch = 32}});
  const SequenceId sequence = engine.create();
  forward(engine, sequence, text);
  const std::int64_t earliest = engine.cache().earliest_truncation(sequence);
  EXPECT_GT(earliest, 64);
  EXPECT_LT(earliest, 120);
  expect_error(ErrorCode::invalid_argument, "windowed", [&] { engine.truncate(sequence, earliest - 1); });
  EXPECT_EQ(engine.length(sequence), 120);
  engine.truncate(sequence, earliest);
  const auto expected = joined({text.begin(), text.begin() + earliest}, more);
  EXPECT_TRUE(same_bits(forward(engine, sequence, more), fresh_logits(model, expected)));
}

TEST_P(Windowed, ForksBeyondTheWindow) {
  const auto model = fixture(GetParam());
  const auto text = some_tokens(100);
  Engine engine(model, {.threads = 1,
                        .cache = {.type = DType::f32, .tokens = 512, .max_sequences = 2, .max_batch = 32}});
  const SequenceId first = engine.create();
  forward(engine, first, text);
  const SequenceId second = engine.fork(first);
  const auto a = some_tokens(60, 2), b = some_tokens(70, 3);
  EXPECT_TRUE(same_bits(forward(engine, first, a), fresh_logits(model, joined(text, a))));
  EXPECT_TRUE(same_bits(forward(engine, second, b), fresh_logits(model, joined(text, b))));
}

class LongContext : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Model> model() const { return fixture(GetParam()); }
  std::int64_t original() const { return model()->spec().ropes[0].original_context; }
  static KvCacheOptions cache() {
    return {.type = DType::f32, .tokens = 384, .max_sequences = 3, .max_batch = 16};
  }
};
INSTANTIATE_TEST_SUITE_P(Fixtures, LongContext, testing::Values("phi3-longrope-long", "phi4-mini"),
                         FixtureName());

TEST_P(LongContext, TheFactorsSwitchWithTheLength) {
  const auto text = some_tokens(original() + 20);
  Engine engine(model(), {.threads = 1, .cache = cache()});
  const SequenceId sequence = engine.create();
  const auto at = [&](std::int64_t length) {
    return std::span(text).first(static_cast<std::size_t>(length));
  };
  const auto grow_to = [&](std::int64_t length) {
    const auto rest = at(length).subspan(static_cast<std::size_t>(engine.length(sequence)));
    EXPECT_TRUE(same_bits(forward(engine, sequence, rest), fresh_logits(model(), at(length)))) << length;
    EXPECT_EQ(engine.length(sequence), length);
  };
  for (const std::int64_t length :
       {original() - 1, original(), original() + 1, original() + 2, original() + 20})
    grow_to(length);
  engine.truncate(sequence, original() - 3);
  for (const std::int64_t length : {original() - 2, original(), original() + 1}) grow_to(length);
  engine.truncate(sequence, original() + 1 - 1);
  grow_to(original() + 1);
  engine.truncate(sequence, 0);
  grow_to(5);
}

TEST_P(LongContext, AllRowsOfAnEntryThatSwitches) {
  const auto text = some_tokens(original() + 6);
  const std::int64_t vocabulary = model()->spec().vocabulary, before = original() - 4;
  Engine engine(model(), {.threads = 1, .cache = cache()});
  const SequenceId sequence = engine.create();
  forward(engine, sequence, std::span(text).first(static_cast<std::size_t>(before)));
  const Logits logits =
      forward(engine, sequence, std::span(text).subspan(static_cast<std::size_t>(before)), LogitRows::all);
  const Logits expected = fresh_logits(model(), text, LogitRows::all);
  EXPECT_TRUE(same_bits(logits, std::span(expected).subspan(static_cast<std::size_t>(before * vocabulary))));
}

TEST_P(LongContext, RowsOfATextInSeveralCallsWhoseLengthIsKnown) {
  const auto text = some_tokens(original() + 6);
  const Logits expected = fresh_logits(model(), text, LogitRows::all);
  Engine engine(model(), {.threads = 1, .cache = cache()});
  const SequenceId sequence = engine.create();
  const auto vocabulary = static_cast<std::size_t>(model()->spec().vocabulary);
  Logits logits(text.size() * vocabulary);
  for (std::size_t at = 0; at < text.size(); at += 9) {
    const auto part = std::span(text).subspan(at, std::min<std::size_t>(9, text.size() - at));
    const BatchEntry entry{sequence, part, LogitRows::all, static_cast<std::int64_t>(text.size())};
    engine.forward({&entry, 1}, std::span(logits).subspan(at * vocabulary, part.size() * vocabulary));
  }
  EXPECT_TRUE(same_bits(logits, expected));
}

TEST_P(LongContext, ForksCrossTheSwitchEachForItself) {
  const auto text = some_tokens(original() - 2), a = some_tokens(6, 2), b = some_tokens(1, 3);
  Engine engine(model(), {.threads = 1, .cache = cache()});
  const SequenceId first = engine.create();
  forward(engine, first, text);
  const SequenceId second = engine.fork(first);
  EXPECT_TRUE(same_bits(forward(engine, first, a), fresh_logits(model(), joined(text, a))));
  EXPECT_TRUE(same_bits(forward(engine, second, b), fresh_logits(model(), joined(text, b))));
  const SequenceId third = engine.fork(first);
  engine.truncate(third, original() - 1);
  const auto shorter = joined(text, a);
  const auto expected = joined({shorter.begin(), shorter.begin() + original() - 1}, b);
  EXPECT_TRUE(same_bits(forward(engine, third, b), fresh_logits(model(), expected)));
}

TEST_P(LongContext, SequencesOnEitherSideInOneBatch) {
  const auto text = some_tokens(original() - 1), more = some_tokens(3, 2);
  Engine engine(model(), {.threads = 1, .cache = cache()});
  const SequenceId first = engine.create();
  forward(engine, first, text);
  const SequenceId second = engine.create();
  const BatchEntry batch[] = {{second, more, LogitRows::last}, {first, more, LogitRows::last}};
  Logits logits(static_cast<std::size_t>(2 * model()->spec().vocabulary));
  engine.forward(batch, logits);
  EXPECT_TRUE(same_bits(row(logits, 0, model()->spec().vocabulary), fresh_logits(model(), more)));
  EXPECT_TRUE(
      same_bits(row(logits, 1, model()->spec().vocabulary), fresh_logits(model(), joined(text, more))));
}

// What is computed again needs room, too, and a fork may hold the pages that it would use.
TEST_P(LongContext, WithoutRoomToStartOverNothingChanges) {
  const auto text = some_tokens(original() - 1);
  const std::int64_t pages = (original() + KvCache::page_length - 1) / KvCache::page_length;
  Engine engine(
      model(),
      {.threads = 1,
       .cache = {
           .type = DType::f32, .tokens = pages * KvCache::page_length, .max_sequences = 2, .max_batch = 16}});
  const SequenceId first = engine.create();
  forward(engine, first, text);
  const SequenceId second = engine.fork(first);
  const auto more = some_tokens(3, 2);
  expect_error(ErrorCode::context_full, "no room", [&] { forward(engine, first, more); });
  EXPECT_EQ(engine.length(first), original() - 1);
  const auto one = std::span(more).first(1);
  EXPECT_TRUE(same_bits(forward(engine, first, one), fresh_logits(model(), joined(text, one))));
  engine.remove(second);
  const SequenceId third = engine.create();
  engine.remove(third);
}

TEST_P(LongContext, PrefixesAreNotSharedAcrossFactors) {
  const auto text = some_tokens(original() + 10);
  Engine engine(model(), {.threads = 1, .cache = cache()});
  forward(engine, engine.create(), text);
  const SequenceId second = engine.create();
  EXPECT_EQ(engine.adopt_prefix(second, text), 0);
  const auto start = std::span(text).first(40);
  EXPECT_TRUE(same_bits(forward(engine, second, start), fresh_logits(model(), start)));
}

// Random operations on an engine; every row of logits is what a fresh engine computes for the same tokens.
class EngineStress : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, EngineStress,
                         testing::Values("llama", "gemma2", "mistral", "phi4-mini", "mixtral", "openelm"),
                         FixtureName());

TEST_P(EngineStress, RandomOperations) {
  const auto model = fixture(GetParam());
  constexpr std::int64_t sequences = 4, capacity = 288;
  Engine engine(
      model,
      {.threads = 2,
       .cache = {.type = DType::f32, .tokens = capacity, .max_sequences = sequences, .max_batch = 24}});
  std::map<SequenceId, std::vector<Token>> texts;
  std::mt19937 random(5);
  const auto below = [&](std::size_t n) {
    return static_cast<std::int64_t>(random() % std::max<std::size_t>(n, 1));
  };
  const auto some = [&] { return std::next(texts.begin(), below(texts.size())); };
  const auto common = some_tokens(200, 8);  // texts begin alike, so that prefixes are shared
  std::int64_t adopted = 0, full = 0;
  for (int step = 0; step < 120; ++step) {
    const std::int64_t what = below(8), count = static_cast<std::int64_t>(texts.size());
    if (count == 0 || (what == 0 && count < sequences)) {
      const SequenceId id = engine.create();
      const std::int64_t length =
          engine.adopt_prefix(id, std::span(common).first(static_cast<std::size_t>(below(120))));
      adopted += length;
      texts[id].assign(common.begin(), common.begin() + length);
    } else if (what == 1 && count < sequences) {
      const auto& [id, text] = *some();
      const std::vector<Token> copy = text;
      texts[engine.fork(id)] = copy;
    } else if (what == 2) {
      const auto chosen = some();
      engine.remove(chosen->first);
      texts.erase(chosen);
    } else if (what == 3) {
      auto& [id, text] = *some();
      const std::int64_t earliest = engine.cache().earliest_truncation(id);
      text.resize(
          static_cast<std::size_t>(earliest + below(text.size() - static_cast<std::size_t>(earliest) + 1)));
      engine.truncate(id, static_cast<std::int64_t>(text.size()));
    } else {
      // All sequences grow in one batch.
      std::vector<BatchEntry> batch;
      auto grown = texts;
      for (auto& [id, text] : grown) {
        const auto begin = text.size();
        const auto more = static_cast<std::size_t>(1 + below(what == 4 ? 40 : 4));
        for (std::size_t i = 0; i < more; ++i)
          text.push_back(text.size() < 100 && below(50) > 0 ? common[text.size()]
                                                            : static_cast<Token>(3 + below(90)));
        batch.push_back({id, std::span(text).subspan(begin), LogitRows::last});
      }
      Logits logits(batch.size() * static_cast<std::size_t>(model->spec().vocabulary));
      try {
        engine.forward(batch, logits);
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::context_full);
        ++full;
        for (const auto& [id, text] : texts)
          ASSERT_EQ(engine.length(id), static_cast<std::int64_t>(text.size()));
        const auto chosen = some();
        engine.remove(chosen->first);
        texts.erase(chosen);
        continue;
      }
      texts = std::move(grown);
      std::int64_t i = 0;
      for (const auto& [id, text] : texts)
        ASSERT_TRUE(same_bits(row(logits, i++, model->spec().vocabulary), fresh_logits(model, text)))
            << "step " << step << ", sequence " << id << " of " << text.size() << " tokens";
    }
  }
  if (model->spec().ropes[0].long_factors.empty()) {
    EXPECT_GT(adopted, 0);
  }
  const auto& layers = model->spec().layers;
  if (std::any_of(layers.begin(), layers.end(),
                  [](const LayerSpec& layer) { return layer.window == 0 || layer.window > capacity; })) {
    EXPECT_GT(full, 0) << "the cache is small enough to be full at times";
  } else {
    EXPECT_EQ(full, 0) << "windows and batches always fit";
  }
}

}  // namespace
}  // namespace linnet::windows_and_factors_test
