// cli/bench_runner.cpp - the body of bench_runner.hpp.
#include "bench_runner.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <linnet/laboratory/timer.hpp>

#include "interrupt.hpp"

namespace linnet::cli {
namespace {

EngineOptions engine_options(const BenchSetting& setting, const std::vector<BenchTest>& tests) {
  std::int64_t longest = 0;
  for (const BenchTest& test : tests) longest = std::max(longest, test.depth + test.tokens);
  // Each repetition works on a fork, which shares all pages but the last with its origin.
  return {
      .threads = setting.threads,
      .cache = {.type = setting.cache_type,
                .tokens = setting.batch * (longest + KvCache::page_length),
                .max_sequences = 2 * setting.batch,
                .max_batch = std::min(setting.max_batch, std::max<std::int64_t>(longest, 1) * setting.batch)},
      .should_stop = interrupted};
}

}  // namespace

BenchRunner::BenchRunner(std::shared_ptr<const Model> model, const BenchSetting& setting,
                         const std::vector<BenchTest>& tests)
    : batch_(setting.batch),
      vocabulary_(model->spec().vocabulary),
      engine_(std::move(model), engine_options(setting, tests)),
      random_(1, 1),
      logits_(static_cast<std::size_t>(batch_ * vocabulary_)) {}

BenchTimes BenchRunner::measure(const BenchTest& test, int repeats, Progress& progress) {
  std::vector<SequenceId> start;
  for (std::int64_t i = 0; i < batch_; ++i) start.push_back(engine_.create());
  if (test.depth > 0) extend(start, test.depth);
  // Not counted: it brings weights and scratch into memory, of which a prefill needs as much as a batch has
  // tokens.
  constexpr std::int64_t warm_up_steps = 2;
  run_once(start, test, std::min(test.tokens, test.decode ? warm_up_steps : engine_.max_batch()));
  std::vector<double> runs, steps;
  for (int i = 0; i < repeats; ++i) {
    const std::vector<double> seconds = run_once(start, test, test.tokens);
    runs.push_back(std::accumulate(seconds.begin(), seconds.end(), 0.0));
    steps.insert(steps.end(), seconds.begin(), seconds.end());
    progress.add(test.tokens * batch_);
  }
  for (SequenceId sequence : start) engine_.remove(sequence);
  return {laboratory::Spread(std::move(runs)), laboratory::Spread(std::move(steps))};
}

std::vector<Token> BenchRunner::random_tokens(std::int64_t count) {
  std::vector<Token> tokens(static_cast<std::size_t>(count));
  for (Token& token : tokens)
    token = static_cast<Token>(random_.next() % static_cast<std::uint32_t>(vocabulary_));
  return tokens;
}

/// Appends random tokens to every sequence in one batch; the seconds until the logits of each last are there.
double BenchRunner::extend(const std::vector<SequenceId>& sequences, std::int64_t count) {
  check_interrupted();
  std::vector<std::vector<Token>> tokens;
  std::vector<BatchEntry> entries;
  tokens.reserve(sequences.size());
  for (SequenceId sequence : sequences)
    entries.push_back({sequence, tokens.emplace_back(random_tokens(count)), LogitRows::last});
  return laboratory::seconds_of([&] { engine_.forward(entries, logits_); });
}

/// The seconds of each step.
std::vector<double> BenchRunner::run_once(const std::vector<SequenceId>& start, const BenchTest& test,
                                          std::int64_t count) {
  std::vector<SequenceId> sequences;
  for (SequenceId sequence : start) sequences.push_back(engine_.fork(sequence));
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < (test.decode ? count : 1); ++i)
    seconds.push_back(extend(sequences, test.decode ? 1 : count));
  for (SequenceId sequence : sequences) engine_.remove(sequence);
  return seconds;
}

}  // namespace linnet::cli
