// engine_test.cpp - batches, pieces, threads, cache types and errors of Engine, on every fixture: the same
// bits however the work is divided.
#include <atomic>
#include <cstdlib>
#include <optional>

#include <gtest/gtest.h>
#include <linnet/kernels/dispatch.hpp>
#include <model/fixtures.hpp>
#include <support/expect_error.hpp>

namespace linnet::engine_test {
namespace {

using namespace tests;

class EveryModel : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Model> model() const { return fixture(GetParam()); }
  /// A length at which all positions of a long-context model have the same factors in every division.
  std::int64_t length() const {
    const RopeSpec& rope = model()->spec().ropes[0];
    return rope.long_factors.empty() ? 80 : std::min<std::int64_t>(80, rope.original_context);
  }
  std::int64_t vocabulary() const { return model()->spec().vocabulary; }
};
INSTANTIATE_TEST_SUITE_P(Fixtures, EveryModel, testing::ValuesIn(fixture_names()), FixtureName());

TEST_P(EveryModel, AnyNumberOfThreadsGivesTheSameBits) {
  const auto tokens = some_tokens(40);
  const Logits expected = fresh_logits(model(), tokens, LogitRows::all);
  for (const int threads : {2, 3, 4}) {
    Engine engine(model(), {.threads = threads,
                            .every_thread = true,
                            .cache = {.type = DType::f32, .tokens = 64, .max_batch = 64}});
    EXPECT_EQ(engine.threads(), threads);
    const SequenceId sequence = engine.create();
    EXPECT_TRUE(same_bits(forward(engine, sequence, tokens, LogitRows::all), expected))
        << threads << " threads";
    const Logits next = forward(engine, sequence, some_tokens(1, 2));
    auto longer = tokens;
    longer.push_back(some_tokens(1, 2)[0]);
    EXPECT_TRUE(same_bits(next, fresh_logits(model(), longer))) << threads << " threads, decoding";
  }
}

TEST_P(EveryModel, PiecesGiveTheSameBits) {
  const auto tokens = some_tokens(length());
  const Logits expected = fresh_logits(model(), tokens, LogitRows::all);
  for (const std::int64_t piece : {1, 7, 33}) {
    Engine engine(model(), {.threads = 1, .cache = {.type = DType::f32, .tokens = 96, .max_batch = piece}});
    EXPECT_TRUE(same_bits(forward(engine, engine.create(), tokens, LogitRows::all), expected)) << piece;
  }
}

TEST_P(EveryModel, TokenByTokenGivesTheSameBits) {
  const auto tokens = some_tokens(length());
  const Logits expected = fresh_logits(model(), tokens, LogitRows::all);
  Engine engine(model(), {.threads = 1, .cache = {.type = DType::f32, .tokens = 96, .max_batch = 8}});
  const SequenceId sequence = engine.create();
  for (std::int64_t t = 0; t < length(); ++t)
    ASSERT_TRUE(same_bits(forward(engine, sequence, {&tokens[static_cast<std::size_t>(t)], 1}),
                          row(expected, t, vocabulary())))
        << "token " << t;
}

TEST_P(EveryModel, SequencesOfOneBatchDoNotTouchEachOther) {
  Engine engine(model(), {.threads = 2,
                          .cache = {.type = DType::f32, .tokens = 600, .max_sequences = 7, .max_batch = 50}});
  std::vector<std::vector<Token>> texts;
  std::vector<BatchEntry> batch;
  for (const std::int64_t length : {1, 30, 2, 45, 33, 5, 64})
    texts.push_back(some_tokens(length, static_cast<unsigned>(length)));
  for (const auto& text : texts) batch.push_back({engine.create(), text, LogitRows::last});
  Logits logits(texts.size() * static_cast<std::size_t>(vocabulary()));
  engine.forward(batch, logits);
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_TRUE(
        same_bits(row(logits, static_cast<std::int64_t>(i), vocabulary()), fresh_logits(model(), texts[i])))
        << "sequence " << i;
}

TEST_P(EveryModel, CacheTypesAreClose) {
  if (model()->spec().routing == Routing::sparse_mixer)
    GTEST_SKIP() << "which experts count is a threshold: a small error may choose others";
  const auto tokens = some_tokens(48);
  const Logits expected = fresh_logits(model(), tokens, LogitRows::all);
  const auto error = [&](DType type) {
    return relative_error(fresh_logits(model(), tokens, LogitRows::all, type), expected);
  };
  // Random weights spread rounding errors further than trained ones. A wrong cache is off by about 1.
  const std::pair<DType, double> bars[] = {{DType::f16, 5e-3}, {DType::bf16, 5e-2}, {DType::q8_0, 8e-2}};
  for (const auto& [type, bar] : bars) {
    const double found = error(type);
    RecordProperty(std::string(to_string(type)), std::to_string(found));
    EXPECT_GT(found, 0) << to_string(type) << ": is it used at all?";
    EXPECT_LT(found, bar) << to_string(type);
  }
}

TEST_P(EveryModel, TruncatedSequencesContinueAsFreshOnes) {
  Engine engine(model(), {.threads = 1, .cache = {.type = DType::f32, .tokens = 256, .max_batch = 16}});
  const auto tokens = some_tokens(75), others = some_tokens(20, 9);
  const SequenceId sequence = engine.create();
  forward(engine, sequence, tokens);
  for (const std::int64_t length : {70, 64, 63, 40, 32, 1, 0}) {
    if (length > 0 && length < engine.cache().earliest_truncation(sequence)) {
      expect_error(ErrorCode::invalid_argument, "truncate", [&] { engine.truncate(sequence, length); });
      engine.truncate(sequence, 0);
      forward(engine, sequence, std::span(tokens).first(static_cast<std::size_t>(length)));
    } else {
      engine.truncate(sequence, length);
    }
    std::vector<Token> text(tokens.begin(), tokens.begin() + length);
    text.insert(text.end(), others.begin(), others.end());
    ASSERT_TRUE(same_bits(forward(engine, sequence, others), fresh_logits(model(), text))) << length;
    engine.truncate(sequence, 0);
    forward(engine, sequence, std::span(tokens).first(static_cast<std::size_t>(length)));
  }
}

TEST_P(EveryModel, ForksDiverge) {
  Engine engine(model(), {.threads = 1,
                          .cache = {.type = DType::f32, .tokens = 400, .max_sequences = 3, .max_batch = 64}});
  const auto start = some_tokens(45);
  const SequenceId first = engine.create();
  forward(engine, first, start, LogitRows::none);
  const SequenceId second = engine.fork(first), third = engine.fork(second);
  const SequenceId sequences[] = {first, second, third};
  std::vector<Token> texts[3] = {start, start, start};
  for (int step = 0; step < 6; ++step)
    for (std::size_t i = 0; i < 3; ++i) {
      const auto more =
          some_tokens(step == 3 ? 20 : 1, static_cast<unsigned>(10 * step) + static_cast<unsigned>(i));
      texts[i].insert(texts[i].end(), more.begin(), more.end());
      ASSERT_TRUE(same_bits(forward(engine, sequences[i], more), fresh_logits(model(), texts[i])))
          << "sequence " << i << ", step " << step;
    }
  engine.remove(first);
  const auto more = some_tokens(3, 77);
  texts[1].insert(texts[1].end(), more.begin(), more.end());
  EXPECT_TRUE(same_bits(forward(engine, second, more), fresh_logits(model(), texts[1])));
}

TEST_P(EveryModel, AdoptedPrefixesGiveTheSameBits) {
  Engine engine(model(), {.threads = 1,
                          .cache = {.type = DType::f32, .tokens = 512, .max_sequences = 2, .max_batch = 64}});
  const bool can_share = model()->spec().ropes[0].long_factors.empty();
  auto text = some_tokens(100);
  const SequenceId first = engine.create();
  forward(engine, first, text);
  for (const bool removed : {false, true}) {
    if (removed) engine.remove(first);
    const SequenceId second = engine.create();
    EXPECT_EQ(engine.adopt_prefix(second, text), can_share ? 96 : 0);
    const auto rest = std::span(text).subspan(static_cast<std::size_t>(engine.length(second)));
    EXPECT_TRUE(same_bits(forward(engine, second, rest), fresh_logits(model(), text)));
    engine.remove(second);
  }
  auto other = text;
  other[40] ^= 1;
  const SequenceId third = engine.create();
  const std::int64_t adopted = engine.adopt_prefix(third, other);
  EXPECT_LE(adopted, 32) << "the second page differs";
  EXPECT_TRUE(same_bits(forward(engine, third, std::span(other).subspan(static_cast<std::size_t>(adopted))),
                        fresh_logits(model(), other)));
}

TEST(Engine, LogitRowsComeInTheOrderOfTheBatch) {
  const auto model = fixture("llama");
  const std::int64_t vocabulary = model->spec().vocabulary;
  Engine engine(model, {.threads = 1,
                        .cache = {.type = DType::f32, .tokens = 512, .max_sequences = 5, .max_batch = 6}});
  const auto a = some_tokens(9, 1), b = some_tokens(4, 2), c = some_tokens(11, 3), d = some_tokens(2, 4);
  const BatchEntry batch[] = {{engine.create(), a, LogitRows::none},
                              {engine.create(), b, LogitRows::all},
                              {engine.create(), {}, LogitRows::all},
                              {engine.create(), c, LogitRows::last},
                              {engine.create(), d, LogitRows::all}};
  ASSERT_EQ(Engine::count_logit_rows(batch), 4 + 0 + 1 + 2);
  Logits logits(static_cast<std::size_t>(7 * vocabulary));
  engine.forward(batch, logits);
  Logits expected = fresh_logits(model, b, LogitRows::all);
  for (const auto& part : {fresh_logits(model, c), fresh_logits(model, d, LogitRows::all)})
    expected.insert(expected.end(), part.begin(), part.end());
  EXPECT_TRUE(same_bits(logits, expected));
  EXPECT_EQ(engine.length(batch[0].sequence), 9);
  EXPECT_EQ(engine.length(batch[2].sequence), 0);
  // What the first entry left in the cache counts though it asked for no logits.
  auto longer = a;
  longer.push_back(5);
  EXPECT_TRUE(
      same_bits(forward(engine, batch[0].sequence, std::span(longer).last(1)), fresh_logits(model, longer)));
}

TEST(Engine, AnEmptyBatchDoesNothing) {
  Engine engine(fixture("llama"), {.threads = 1, .cache = {.tokens = 64, .max_batch = 8}});
  engine.forward({}, {});
  EXPECT_TRUE(forward(engine, engine.create(), {}).empty());
}

TEST(Engine, ErrorsChangeNothing) {
  const auto model = fixture("gemma2");
  Engine engine(model, {.threads = 1,
                        .cache = {.type = DType::f32, .tokens = 64, .max_sequences = 2, .max_batch = 16}});
  const auto start = some_tokens(40), good = some_tokens(3, 2);
  const SequenceId sequence = engine.create(), other = engine.create();
  forward(engine, sequence, start);
  std::vector<float> logits(static_cast<std::size_t>(2 * model->spec().vocabulary), 7);
  const auto refused = [&](ErrorCode code, std::string_view text, std::vector<BatchEntry> batch,
                           std::size_t rows) {
    expect_error(code, text, [&] {
      engine.forward(batch,
                     std::span(logits).first(rows * static_cast<std::size_t>(model->spec().vocabulary)));
    });
    EXPECT_EQ(engine.length(sequence), 40);
    EXPECT_EQ(engine.length(other), 0);
  };
  const std::vector<Token> negative = {5, -1}, large = {5, 101}, largest = {2147483647},
                           many = some_tokens(60, 3);
  refused(ErrorCode::invalid_argument, "-1", {{sequence, negative}}, 1);
  refused(ErrorCode::invalid_argument, "101", {{other, good}, {sequence, large}}, 2);
  refused(ErrorCode::invalid_argument, "2147483647", {{sequence, largest}}, 1);
  refused(ErrorCode::invalid_argument, "99", {{other, good}, {99, good}}, 2);
  refused(ErrorCode::invalid_argument, "twice", {{other, good}, {other, good}}, 2);
  refused(ErrorCode::invalid_argument, "202", {{sequence, good}}, 2);
  refused(ErrorCode::invalid_argument, "0", {{sequence, good, LogitRows::none}}, 1);
  refused(ErrorCode::context_full, "64", {{other, good}, {sequence, many}}, 2);
  EXPECT_EQ(std::count(logits.begin(), logits.end(), 7), static_cast<std::ptrdiff_t>(logits.size()));
  auto text = start;
  text.insert(text.end(), good.begin(), good.end());
  EXPECT_TRUE(same_bits(forward(engine, sequence, good), fresh_logits(model, text)));
  engine.remove(other);
  expect_error(ErrorCode::invalid_argument, "sequence", [&] { engine.length(other); });
  expect_error(ErrorCode::invalid_argument, "sequence", [&] { engine.fork(other); });
  expect_error(ErrorCode::invalid_argument, "sequence", [&] { engine.remove(other); });
}

TEST(Engine, CreationRefusesImpossibleOptions) {
  const auto model = fixture("llama");
  const auto refused = [&](std::string_view text, const EngineOptions& options) {
    expect_error(ErrorCode::invalid_argument, text, [&] { Engine(model, options); });
  };
  refused("threads", {.threads = -1});
  refused("threads", {.threads = 5000});
  refused("tokens", {.threads = 1, .cache = {.tokens = 0}});
  refused("tokens", {.threads = 1, .cache = {.tokens = -5}});
  refused("max_sequences", {.threads = 1, .cache = {.max_sequences = 0}});
  refused("max_batch", {.threads = 1, .cache = {.max_batch = 0}});
  refused("max_batch", {.threads = 1, .cache = {.max_batch = std::int64_t{1} << 40}});
  refused("Q4_0", {.threads = 1, .cache = {.type = DType::q4_0}});
}

TEST(Engine, StopsBetweenPieces) {
  const auto model = fixture("llama");
  int asked = 0;
  std::optional<int> stop_at;
  Engine engine(model, {.threads = 1,
                        .cache = {.type = DType::f32, .tokens = 128, .max_batch = 10},
                        .should_stop = [&] { return stop_at && ++asked > *stop_at; }});
  const auto tokens = some_tokens(55);
  const SequenceId sequence = engine.create();
  stop_at = 3;
  expect_error(ErrorCode::cancelled, "", [&] { forward(engine, sequence, tokens); });
  EXPECT_EQ(engine.length(sequence), 30);
  stop_at.reset();
  EXPECT_TRUE(
      same_bits(forward(engine, sequence, std::span(tokens).subspan(30)), fresh_logits(model, tokens)));
}

/// Sets an environment variable for a while.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value, 1);
  }
  ~Environment() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Engine, ThreadsComeFromTheEnvironment) {
  const auto threads = [](int option) {
    return Engine(fixture("llama"), {.threads = option, .cache = {.tokens = 32, .max_batch = 4}}).threads();
  };
  {
    const Environment set("LINNET_THREADS", "3");
    EXPECT_EQ(threads(0), 3);
    EXPECT_EQ(threads(2), 2) << "an option goes before it";
  }
  {
    const Environment set("LINNET_THREADS", "");
    EXPECT_EQ(threads(0), default_thread_count());
  }
  for (const char* text : {"0", "-1", "x", "2x", "1025", "99999999999999999999", " ", "1.5"}) {
    const Environment set("LINNET_THREADS", text);
    expect_error(ErrorCode::invalid_argument, "LINNET_THREADS", [&] { threads(0); });
    EXPECT_EQ(threads(1), 1);
  }
}

TEST(Engine, SaysWhatItUses) {
  const auto model = fixture("llama");
  Engine engine(model, {.threads = 1, .cache = {.tokens = 100, .max_batch = 4}});
  EXPECT_EQ(engine.isa(), kernels::active().isa);
  EXPECT_GT(engine.scratch_bytes(), 0);
  EXPECT_EQ(engine.cache().capacity(), 100);
  // 2 layers x keys and values x 2 heads x 16 values x 2 bytes, for 4 pages of 32
  EXPECT_EQ(engine.cache().bytes(), 2 * 2 * 2 * 16 * 2 * 128);
}

}  // namespace
}  // namespace linnet::engine_test
