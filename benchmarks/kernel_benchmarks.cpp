// kernel_benchmarks.cpp - every case of the laboratory under Google Benchmark, and Eigen in float beside
// them. `linnet bench kernels` measures the same and compares it with the limits of the machine; this program
// is for those who know Google Benchmark's options: --benchmark_filter=q4_k/avx2, --benchmark_repetitions,
// ...
#include <benchmark/benchmark.h>

#include <Eigen/Dense>
#include <memory>
#include <string>

#include <linnet/laboratory/experiment.hpp>
#include <linnet/laboratory/machine.hpp>

namespace {

using namespace linnet;

void set_rates(benchmark::State& state, std::int64_t bytes, std::int64_t operations) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(1e-9 * static_cast<double>(bytes), Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] =
      Counter(1e-9 * static_cast<double>(operations), Counter::kIsIterationInvariantRate);
}

void run_case(benchmark::State& state, const laboratory::Case& one) {
  static ThreadTeam team(resolve_thread_count(0));
  static laboratory::Workspace workspace{.streaming_bytes = laboratory::streaming_bytes()};
  const std::unique_ptr<laboratory::Experiment> experiment = one.make(workspace);
  for (auto _ : state) {
    experiment->next();
    team.run([&](ThreadTeam::Member& member) { experiment->run(member); });
  }
  set_rates(state, experiment->bytes, experiment->operations);
  state.SetLabel(experiment->from_memory ? "from memory" : "from a cache");
}

/// One thread, as Eigen's own threads would fight with the team's.
void eigen_product(benchmark::State& state) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto [rows, cols] = laboratory::usual_shape;
  const std::int64_t tokens = state.range(0);
  const Matrix weights = Matrix::Random(rows, cols), x = Matrix::Random(tokens, cols);
  Matrix y(tokens, rows);
  for (auto _ : state) {
    y.noalias() = x * weights.transpose();
    benchmark::DoNotOptimize(y.data());
  }
  set_rates(state, 4 * rows * cols, 2 * rows * cols * tokens);
}

}  // namespace

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  for (const laboratory::Case& one : laboratory::built_in_cases())
    benchmark::RegisterBenchmark(one.name().c_str(), run_case, one)->UseRealTime();
  auto* const eigen =
      benchmark::RegisterBenchmark("matmul/F32/Eigen, one thread, the builder's flags", eigen_product);
  for (std::int64_t tokens : laboratory::usual_tokens) eigen->Arg(tokens);
  benchmark::RunSpecifiedBenchmarks();
}
