// session_test.cpp - conversations: generation, its ends, its text, truncation and overflow.
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <model/edited_model.hpp>
#include <runtime/sessions.hpp>
#include <support/expect_error.hpp>

#include <linnet/model/adapter.hpp>
#include <linnet/runtime/embedder.hpp>
#include <linnet/sampling/defaults.hpp>

namespace linnet::session_test {
namespace {

using namespace tests;

class SessionOf : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, SessionOf,
                         testing::Values("llama", "gemma2", "mistral", "phi4-mini", "mixtral"),
                         FixtureName());

TEST_P(SessionOf, GreedyTextIsTheModelsBestTokens) {
  const auto model = fixture(GetParam());
  Session session(model, one_thread());
  Generation generation = session.generate(some_tokens(30), greedy(25));
  std::string text;
  while (generation.next()) text += generation.piece();
  EXPECT_TRUE(generation.done());
  EXPECT_EQ(generation.stop_reason(), StopReason::max_tokens);
  const auto expected = greedy_tokens(model, some_tokens(30), 25);
  EXPECT_EQ(as_vector(generation.tokens()), expected);
  EXPECT_EQ(text, model->tokenizer().decode(expected, {.continues = true}));
  EXPECT_EQ(session.length(), 55);
  EXPECT_FALSE(generation.next());
}

TEST_P(SessionOf, ConversationsGoOnFromWhatWasSaid) {
  const auto model = fixture(GetParam());
  Session session(model, one_thread());
  session.append(some_tokens(10));
  text_of(session.generate(some_tokens(5, 2), greedy(7)));
  text_of(session.generate(some_tokens(3, 3), greedy(30)));
  EXPECT_EQ(session.length(), 10 + 5 + 7 + 3 + 30);
  std::vector<Token> text = some_tokens(10);
  for (const auto& [prompt, count] : {std::pair{some_tokens(5, 2), 7}, {some_tokens(3, 3), 30}}) {
    text.insert(text.end(), prompt.begin(), prompt.end());
    const auto written = greedy_tokens(model, text, count);
    text.insert(text.end(), written.begin(), written.end());
  }
  EXPECT_EQ(as_vector(session.tokens()), text);
  EXPECT_TRUE(same_bits(session.logits(), fresh_logits(model, text)));
}

TEST_P(SessionOf, TruncatedItContinuesAsAFreshOne) {
  const auto model = fixture(GetParam());
  Session session(model, one_thread());
  for (const std::int64_t length : {100, 99, 60, 33, 32, 5, 1}) {
    session.truncate(0);
    session.append(some_tokens(100));
    session.truncate(length);
    EXPECT_EQ(session.length(), length);
    const auto start = std::span<const Token>(session.tokens());
    EXPECT_TRUE(same_bits(session.logits(), fresh_logits(model, start))) << length;
    const auto before = as_vector(start);
    Generation generation = session.generate(std::vector<Token>{}, greedy(5));
    while (generation.next()) {
    }
    EXPECT_EQ(as_vector(generation.tokens()), greedy_tokens(model, before, 5)) << length;
  }
  session.truncate(0);
  EXPECT_TRUE(session.logits().empty());
  for (const std::int64_t length : {-1, 1})
    expect_error(ErrorCode::invalid_argument, std::to_string(length), [&] { session.truncate(length); });
}

SessionOptions shifting(std::int64_t context, std::int64_t keep) {
  SessionOptions options = one_thread();
  options.context = context;
  options.overflow = Overflow::shift;
  options.keep = keep;
  return options;
}

TEST_P(SessionOf, AFullContextShifts) {
  const auto model = fixture(GetParam());
  Session session(model, shifting(40, 4));
  Generation generation = session.generate(some_tokens(30), greedy(60));
  std::vector<Token> text = some_tokens(30);
  for (int i = 0; i < 60; ++i) {
    const Token next = greedy_tokens(model, text, 1)[0];
    // The older half of what is behind the first four goes.
    if (text.size() == 40) text.erase(text.begin() + 4, text.begin() + 4 + 18);
    text.push_back(next);
  }
  while (generation.next()) {
  }
  EXPECT_EQ(generation.stop_reason(), StopReason::max_tokens);
  EXPECT_EQ(generation.tokens().size(), 60u);
  EXPECT_EQ(as_vector(session.tokens()), text);
}

TEST_P(SessionOf, AFullContextShiftsForAPromptToo) {
  const auto model = fixture(GetParam());
  Session session(model, shifting(40, 4));
  session.append(some_tokens(38));
  expect_error(ErrorCode::context_full, "37 tokens after 4", [&] { session.append(some_tokens(37, 2)); });
  EXPECT_EQ(session.length(), 38);
  Generation generation = session.generate(some_tokens(12, 2), greedy(3));
  std::vector<Token> text = some_tokens(38);
  text.erase(text.begin() + 4, text.begin() + 4 + 17);  // the older half of what is behind the first four
  const std::vector<Token> prompt = some_tokens(12, 2);
  text.insert(text.end(), prompt.begin(), prompt.end());
  const std::vector<Token> answer = greedy_tokens(model, text, 3);
  while (generation.next()) {
  }
  EXPECT_EQ(as_vector(generation.tokens()), answer);
  text.insert(text.end(), answer.begin(), answer.end());
  EXPECT_EQ(as_vector(session.tokens()), text);
  session.append(some_tokens(36, 3));  // all that is not kept
  EXPECT_EQ(session.length(), 40);
}

TEST(Session, AppendsWhatItHolds) {
  const auto model = fixture("llama");
  Session session(model, shifting(40, 4));
  session.append(some_tokens(30));
  session.append(session.tokens().last(20));  // of which a shift moves those that it keeps
  std::vector<Token> text = some_tokens(30);
  const std::vector<Token> added(text.end() - 20, text.end());
  text.erase(text.begin() + 4, text.begin() + 4 + 13);  // the older half of what is behind the first four
  text.insert(text.end(), added.begin(), added.end());
  EXPECT_EQ(as_vector(session.tokens()), text);
  EXPECT_EQ(Logits(session.logits().begin(), session.logits().end()), fresh_logits(model, text));
}

TEST(Session, AFullContextStops) {
  SessionOptions options = one_thread();
  options.context = 40;
  Session session(fixture("llama"), options);
  Generation generation = session.generate(some_tokens(30), greedy(-1));
  while (generation.next()) {
  }
  EXPECT_EQ(generation.stop_reason(), StopReason::context_full);
  EXPECT_EQ(generation.tokens().size(), 10u);
  EXPECT_EQ(session.length(), 40);
  EXPECT_EQ(session.logits().size(), 101u);
  session.truncate(20);
  EXPECT_EQ(text_of(session.generate(std::vector<Token>{5}, greedy(3))).empty(), false);
}

TEST(Session, ShiftsInTheSmallestContexts) {
  for (const std::int64_t context : {1, 2, 5})
    for (const std::int64_t keep : {-3, 0, 4, 100}) {
      Session session(fixture("llama"), shifting(context, keep));
      Generation generation = session.generate(std::vector<Token>{7}, greedy(20));
      while (generation.next()) {
      }
      const bool never_shifts = keep >= context;
      EXPECT_EQ(generation.tokens().size(), never_shifts ? static_cast<std::size_t>(context) - 1 : 20u)
          << context << ", " << keep;
      EXPECT_EQ(generation.stop_reason(), never_shifts ? StopReason::context_full : StopReason::max_tokens);
      EXPECT_LE(session.length(), context);
    }
}

TEST(Session, WhatIsNeverForgottenMayBeTheWholeContext) {
  Session session(fixture("llama"), shifting(40, 64));
  Generation generation = session.generate(some_tokens(30), greedy(-1));
  while (generation.next()) {
  }
  EXPECT_EQ(generation.stop_reason(), StopReason::context_full);
  std::vector<Token> text = some_tokens(30);
  text.insert(text.end(), generation.tokens().begin(), generation.tokens().end());
  EXPECT_EQ(text.size(), 40u);
  EXPECT_EQ(as_vector(session.tokens()), text);
}

TEST(Session, PromptsThatDoNotFitChangeNothing) {
  SessionOptions options = one_thread();
  options.context = 40;
  Session session(fixture("llama"), options);
  session.append(some_tokens(20));
  const auto before = Logits(session.logits().begin(), session.logits().end());
  expect_error(ErrorCode::context_full, "40", [&] { session.generate(some_tokens(21), greedy(1)); });
  expect_error(ErrorCode::context_full, "40", [&] { session.append(some_tokens(21)); });
  expect_error(ErrorCode::invalid_argument, "101", [&] { session.append(std::vector<Token>{5, 101}); });
  expect_error(ErrorCode::invalid_argument, "-1", [&] { session.append(std::vector<Token>{-1}); });
  EXPECT_EQ(session.length(), 20);
  EXPECT_TRUE(same_bits(session.logits(), before));
  Generation generation = session.generate(std::vector<Token>{5, 200}, greedy(1));
  expect_error(ErrorCode::invalid_argument, "200", [&] { generation.next(); });
  EXPECT_FALSE(generation.next()) << "it has ended";
  EXPECT_EQ(session.length(), 20);
  session.append(some_tokens(20));
  EXPECT_EQ(session.length(), 40);
}

TEST(Session, NeedsAModelAndAName) {
  expect_error(ErrorCode::invalid_argument, "model", [] { Session session(nullptr); });
  expect_error(ErrorCode::invalid_argument, "model", [] { Engine engine(nullptr, {}); });
  expect_error(ErrorCode::invalid_argument, "model", [] { Embedder embedder(nullptr); });
  expect_error(ErrorCode::invalid_argument, "model",
               [] { Adapter::load(std::filesystem::path("any.gguf"), nullptr); });
  static_assert(requires(Session & session) { session.generate("a"); });
  static_assert(![]<class S>(S*) {
    return requires(S && session) { std::move(session).generate("a"); };
  }(static_cast<Session*>(nullptr)));
}

TEST(Session, SaysOfTheFileWhatTheFileRecommends) {
  EditedModel source("llama");
  source.set("general.sampling.top_p", 7.0f);
  Session session(source.load({.threads = 1}), one_thread());
  expect_error(ErrorCode::bad_model, "general.sampling.top_p", [&] { session.generate("a"); });
  SamplingOptions own = sampling_defaults(session.model().file().metadata());
  own.top_p = 0.9f;
  own.max_tokens = 2;
  Generation generation = session.generate(some_tokens(5), own);
  while (generation.next()) {
  }
  EXPECT_EQ(generation.stop_reason(), StopReason::max_tokens);
}

TEST(Session, EmptyPrompts) {
  Session session(fixture("llama"), one_thread());
  expect_error(ErrorCode::invalid_argument, "empty",
               [&] { session.generate(std::vector<Token>{}, greedy(3)); });
  EXPECT_TRUE(session.logits().empty());
  session.append({});
  EXPECT_EQ(session.length(), 0);
  // As text it is the token that begins one.
  text_of(session.generate("", greedy(3)));
  EXPECT_EQ(session.tokens()[0], 1);
  EXPECT_EQ(session.length(), 4);
  text_of(session.generate("", greedy(3)));
  EXPECT_EQ(session.length(), 7);
}

TEST(Session, PromptsAsTextAreTokenizedWithOneBos) {
  const auto model = fixture("llama");
  Session session(model, one_thread());
  const std::string word = model->tokenizer().piece(50);
  text_of(session.generate(word, greedy(2)));
  EXPECT_EQ(session.tokens()[0], 1);
  text_of(session.generate(word, greedy(2)));
  EXPECT_EQ(std::count(session.tokens().begin(), session.tokens().end(), 1), 1);
}

TEST(Session, SeedsReproduceAText) {
  const auto run = [](std::uint64_t seed, int threads) {
    SessionOptions options = one_thread();
    options.threads = threads;
    Session session(fixture("llama"), options);
    return text_of(session.generate(some_tokens(10), drawn(40, seed)));
  };
  EXPECT_EQ(run(1, 1), run(1, 1));
  EXPECT_EQ(run(1, 1), run(1, 3));
  EXPECT_NE(run(1, 1), run(2, 1));
}

TEST(Session, MaxTokens) {
  Session session(fixture("llama"), one_thread());
  for (const std::int64_t count : {0, 1, 2, 9}) {
    session.truncate(0);
    Generation generation = session.generate(some_tokens(10), greedy(count));
    while (generation.next()) {
    }
    EXPECT_EQ(generation.stop_reason(), StopReason::max_tokens);
    EXPECT_EQ(static_cast<std::int64_t>(generation.tokens().size()), count);
    EXPECT_EQ(session.length(), 10 + count) << "the prompt is computed, whatever comes of it";
  }
}

TEST(Session, TheEndOfTheTextEndsIt) {
  const auto model = fixture("llama");
  SamplingOptions options = greedy(50);
  options.logit_bias = {{2, 1e9f}};
  Session session(model, one_thread());
  Generation generation = session.generate(some_tokens(10), options);
  EXPECT_FALSE(generation.next());
  EXPECT_EQ(generation.stop_reason(), StopReason::end_of_text);
  EXPECT_TRUE(generation.tokens().empty());
  EXPECT_EQ(session.length(), 10);
}

TEST(Session, StopTextsAreNotGivenOut) {
  const auto model = fixture("llama");
  const auto run = [&](std::vector<std::string> stop, StopReason& reason) {
    Session session(model, one_thread());
    SamplingOptions options = greedy(30);
    options.stop = std::move(stop);
    Generation generation = session.generate(some_tokens(10), options);
    std::string text;
    while (generation.next()) text += generation.piece();
    reason = generation.stop_reason();
    return text;
  };
  StopReason reason = StopReason::running;
  const std::string whole = run({}, reason);
  ASSERT_GE(whole.size(), 12u);
  EXPECT_EQ(run({"never written"}, reason), whole);
  EXPECT_EQ(reason, StopReason::max_tokens);
  // Of every length, so that many begin and end within a token.
  for (std::size_t at = 1; at + 1 < whole.size(); at += 3)
    for (const std::size_t length : {1u, 2u, 5u, 9u}) {
      const std::string stop = whole.substr(at, length);
      EXPECT_EQ(run({"xyzzy", stop}, reason), whole.substr(0, whole.find(stop))) << "\"" << stop << "\"";
      EXPECT_EQ(reason, StopReason::stop_text);
    }
}

TEST(Session, StatsSayWhatWasDone) {
  Session session(fixture("llama"), one_thread());
  Generation generation = session.generate(some_tokens(30), greedy(12));
  generation.next();
  const GenerationStats first = generation.stats();
  EXPECT_EQ(first.prompt_tokens, 30);
  EXPECT_GT(first.prefill_seconds, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // a slow reader is not a slow model
  while (generation.next()) {
  }
  const GenerationStats& stats = generation.stats();
  EXPECT_EQ(stats.generated_tokens, 12);
  EXPECT_EQ(stats.prefill_seconds, first.prefill_seconds);
  EXPECT_GT(stats.decode_seconds, 0);
  EXPECT_LT(stats.decode_seconds, 0.3);
  EXPECT_DOUBLE_EQ(stats.prefill_rate(), 30 / stats.prefill_seconds);
  EXPECT_DOUBLE_EQ(stats.decode_rate(), 11 / stats.decode_seconds);
  EXPECT_EQ(GenerationStats().prefill_rate(), 0);
  EXPECT_EQ(GenerationStats().decode_rate(), 0);
}

TEST(Session, ImpossibleOptionsAreErrors) {
  const auto refused = [](std::string_view text, SessionOptions options) {
    options.threads = 1;
    expect_error(ErrorCode::invalid_argument, text, [&] { Session(fixture("llama"), options); });
  };
  refused("context", {.context = -1});
  refused("tokens", {.context = std::int64_t{1} << 40});
  refused("max_batch", {.max_batch = 0});
  refused("Q4_K", {.cache_type = DType::q4_k});
  EXPECT_EQ(Session(fixture("llama"), one_thread()).context(), 256);
}

}  // namespace
}  // namespace linnet::session_test
