// cli/bench_runner.hpp - runs prefill and decode of random tokens and takes their times. Never reports them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <linnet/laboratory/spread.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/sampling/random.hpp>

#include "progress.hpp"

namespace linnet::cli {

/// One thing to measure.
struct BenchTest {
  bool decode;
  std::int64_t tokens;  // per sequence
  std::int64_t depth;   // tokens that each sequence holds before

  /// "pp512", "tg128"
  std::string name() const { return concat(decode ? "tg" : "pp", tokens); }
};

struct BenchTimes {
  laboratory::Spread runs;   // seconds of each repetition
  laboratory::Spread steps;  // seconds of each step of all repetitions: a token of decode, a whole prefill
};

struct BenchSetting {
  int threads = 0;
  std::int64_t batch = 1;      // sequences side by side
  std::int64_t max_batch = 0;  // tokens that the engine computes at once
  DType cache_type = DType::f16;
};

/// One engine, and the tests that run on it.
class BenchRunner {
 public:
  /// @throws as Engine.
  BenchRunner(std::shared_ptr<const Model> model, const BenchSetting& setting,
              const std::vector<BenchTest>& tests);

  /// After a short run that is not counted. @throws Error(cancelled) where the user ends it.
  BenchTimes measure(const BenchTest& test, int repeats, Progress& progress);

  const Engine& engine() const { return engine_; }

 private:
  std::vector<Token> random_tokens(std::int64_t count);
  double extend(const std::vector<SequenceId>& sequences, std::int64_t count);
  std::vector<double> run_once(const std::vector<SequenceId>& start, const BenchTest& test,
                               std::int64_t count);

  std::int64_t batch_, vocabulary_;
  Engine engine_;
  sampling::Random random_;
  std::vector<float> logits_;
};

}  // namespace linnet::cli
