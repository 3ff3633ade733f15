// cancelling_test.cpp - generations that end early, by another thread, by should_stop or by being dropped,
// and sessions on several threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <runtime/sessions.hpp>
#include <support/expect_error.hpp>

namespace linnet::cancelling_test {
namespace {

using namespace tests;

TEST(Session, CancelFromAnotherThread) {
  SessionOptions options = one_thread();
  options.context = 200;
  options.overflow = Overflow::shift;
  Session session(fixture("llama"), options);
  std::atomic<bool> started = false;
  std::thread other([&] {
    while (!started) std::this_thread::yield();
    session.cancel();
  });
  Generation generation = session.generate(some_tokens(10), greedy(-1));
  while (generation.next()) started = true;
  other.join();
  EXPECT_EQ(generation.stop_reason(), StopReason::cancelled);
  EXPECT_FALSE(generation.next());
  // It is over with that.
  session.truncate(0);
  session.append(some_tokens(20));
  EXPECT_EQ(session.length(), 20);
  EXPECT_EQ(session.logits().size(), 101u);
  Generation next = session.generate(some_tokens(2), greedy(4));
  while (next.next()) {
  }
  EXPECT_EQ(next.stop_reason(), StopReason::max_tokens);
}

TEST(Session, AnEarlierCancelDoesNotEndLaterWork) {
  Session session(fixture("llama"), one_thread());
  session.cancel();
  session.append(some_tokens(20));
  session.cancel();
  session.truncate(10);
  EXPECT_EQ(session.logits().size(), 101u);
  session.cancel();
  EXPECT_FALSE(text_of(session.generate(some_tokens(2), greedy(4))).empty());
}

TEST(Session, ACancelBeforeTheFirstTokenEndsTheGeneration) {
  Session session(fixture("llama"), one_thread());
  Generation generation = session.generate(some_tokens(20), greedy(4));
  session.cancel();
  EXPECT_FALSE(generation.next());
  EXPECT_EQ(generation.stop_reason(), StopReason::cancelled);
  EXPECT_EQ(session.length(), 0);
}

TEST(Session, AnExceptionOfShouldStopEndsTheGeneration) {
  SessionOptions options = one_thread();
  options.max_batch = 16;
  int asked = 0;
  options.should_stop = [&]() -> bool {
    if (++asked == 3) throw std::runtime_error("mine");
    return false;
  };
  Session session(fixture("llama"), options);
  Generation generation = session.generate(some_tokens(60), greedy(4));
  EXPECT_THROW(generation.next(), std::runtime_error);
  const std::int64_t computed = session.length();
  EXPECT_LT(computed, 60);
  EXPECT_FALSE(generation.next());
  EXPECT_NE(generation.stop_reason(), StopReason::running);
  EXPECT_EQ(session.length(), computed);
}

TEST(Session, ShouldStopEndsAPromptBetweenPieces) {
  for (const char* name : {"llama", "gemma2", "phi4-mini"}) {
    const auto model = fixture(name);
    bool stop = false;
    int pieces = 0;
    SessionOptions options = one_thread();
    options.max_batch = 8;
    options.should_stop = [&] { return stop && ++pieces > 2; };
    Session session(model, options);
    const auto said = some_tokens(40);
    session.append(said);
    stop = true;
    expect_error(ErrorCode::cancelled, "", [&] { session.append(some_tokens(60, 2)); });
    // What was said before is still said.
    ASSERT_GE(session.length(), 40) << name;
    EXPECT_LT(session.length(), 100) << name;
    stop = false;
    const auto now = as_vector(session.tokens());
    EXPECT_TRUE(std::equal(said.begin(), said.end(), now.begin())) << name;
    EXPECT_TRUE(same_bits(session.logits(), fresh_logits(model, now))) << name;
    stop = true;
    pieces = 0;
    session.truncate(40);
    Generation generation = session.generate(some_tokens(60, 2), greedy(5));
    EXPECT_FALSE(generation.next());
    EXPECT_EQ(generation.stop_reason(), StopReason::cancelled);
    EXPECT_GE(session.length(), 40);
  }
}

// What stop texts hold back is part of the text when the generation is cancelled.
TEST(Session, CancellingGivesOutWhatWasHeldBack) {
  const auto model = fixture("llama");
  std::string whole;
  {
    Session session(model, one_thread());
    whole = text_of(session.generate(some_tokens(10), greedy(6)));
  }
  bool stop = false;
  SessionOptions options = one_thread();
  options.should_stop = [&] { return stop; };
  Session session(model, options);
  SamplingOptions sampling = greedy(6);
  sampling.stop = {whole + "x"};  // all of the text may be its start
  Generation generation = session.generate(some_tokens(10), sampling);
  std::string text;
  while (generation.next()) text += generation.piece();
  EXPECT_EQ(text, whole);
  // Now cancelled in the engine, after three tokens.
  session.truncate(0);
  int asked = 0;
  SessionOptions counting = one_thread();
  counting.should_stop = [&] { return ++asked > 6; };
  Session other(model, counting);
  Generation cancelled = other.generate(some_tokens(10), sampling);
  text.clear();
  while (cancelled.next()) text += cancelled.piece();
  EXPECT_EQ(cancelled.stop_reason(), StopReason::cancelled);
  EXPECT_GE(cancelled.tokens().size(), 2u);
  EXPECT_EQ(text, model->tokenizer().decode(cancelled.tokens(), {.continues = true}));
}

TEST(Session, AnAbandonedGenerationLeavesItUsable) {
  const auto model = fixture("llama");
  Session session(model, one_thread());
  {
    Generation generation = session.generate(some_tokens(10), greedy(50));
    for (int i = 0; i < 4; ++i) generation.next();
  }
  { Generation unused = session.generate(some_tokens(10), greedy(50)); }
  const auto before = as_vector(session.tokens());
  EXPECT_LT(before.size(), 60u);
  Generation generation = session.generate(some_tokens(3, 2), greedy(5));
  while (generation.next()) {
  }
  auto text = before;
  const auto prompt = some_tokens(3, 2);
  text.insert(text.end(), prompt.begin(), prompt.end());
  EXPECT_EQ(as_vector(generation.tokens()), greedy_tokens(model, text, 5));
}

TEST(Session, GenerationsCanBeMoved) {
  Session session(fixture("llama"), one_thread());
  Generation first = session.generate(some_tokens(10), greedy(8));
  first.next();
  Generation second = std::move(first);
  while (second.next()) {
  }
  EXPECT_EQ(second.tokens().size(), 8u);
}

TEST(Session, ThreadsShareAModel) {
  const auto model = fixture("gemma2");
  const auto run = [&](std::uint64_t seed) {
    Session session(model, one_thread());
    return text_of(session.generate(some_tokens(20, static_cast<unsigned>(seed)), drawn(20, seed)));
  };
  constexpr std::size_t count = 8;
  std::array<std::string, count> expected, found;
  for (std::size_t i = 0; i < count; ++i) expected[i] = run(i);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) threads.emplace_back([&, i] { found[i] = run(i); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, expected);
}

TEST(Session, MovesBetweenThreadsOfItsOwn) {
  const auto model = fixture("llama");
  SessionOptions options = one_thread();
  options.threads = 2;
  Session session(model, options);
  std::vector<Token> text = some_tokens(10);
  session.append(text);
  for (int i = 0; i < 3; ++i) {
    std::thread([&] { text_of(session.generate(std::vector<Token>{9}, greedy(3))); }).join();
    text.push_back(9);
    const auto written = greedy_tokens(model, text, 3);
    text.insert(text.end(), written.begin(), written.end());
  }
  EXPECT_EQ(as_vector(session.tokens()), text);
}

}  // namespace
}  // namespace linnet::cancelling_test
