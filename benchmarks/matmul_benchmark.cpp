// matmul_benchmark.cpp - products of weights with 1 to 64 tokens on one thread: every tensor type on every
// instruction set that the machine has, and Eigen in float beside them. Run it with
// --benchmark_filter=q4_k/avx2 for a part.
#include <benchmark/benchmark.h>

#include <Eigen/Dense>
#include <random>
#include <string>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace {

using namespace linnet;
using kernels::Activations;
using kernels::Table;

// 32 MiB of F32: beyond the second cache, and the shape of a feed-forward matrix of a 1B model.
constexpr std::int64_t rows = 4096, cols = 2048;

std::vector<float> random_values(std::int64_t count, float deviation) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

/// Rows of a type; a few different ones over and over, since quantizing
/// millions of weights would take longer than measuring.
Buffer random_weights(DType type) {
  constexpr std::int64_t different = 32;
  const std::int64_t bytes = byte_size(type, different * cols);
  Buffer weights(static_cast<std::size_t>(rows / different * bytes));
  quant::quantize(type, random_values(different * cols, 0.02f), weights.data());
  for (std::int64_t copy = 1; copy < rows / different; ++copy)
    std::copy_n(weights.data(), bytes, weights.data() + copy * bytes);
  return weights;
}

void report(benchmark::State& state, std::int64_t weight_bytes, std::int64_t tokens) {
  using benchmark::Counter;
  state.counters["GB/s"] =
      Counter(static_cast<double>(weight_bytes) / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["GFLOP/s"] =
      Counter(2e-9 * static_cast<double>(rows * cols * tokens), Counter::kIsIterationInvariantRate);
}

void float_products(benchmark::State& state, const Table& table, DType type) {
  const std::int64_t tokens = state.range(0);
  const Buffer weights = random_weights(type);
  const std::vector<float> x = random_values(tokens * cols, 1);
  std::vector<float> y(static_cast<std::size_t>(tokens * rows));
  for (auto _ : state)
    kernels::entry(table.matmul, type)({.weights = weights.data(),
                                        .row_bytes = byte_size(type, cols),
                                        .cols = cols,
                                        .row_begin = 0,
                                        .row_end = rows,
                                        .x = x.data(),
                                        .x_stride = cols,
                                        .tokens = tokens,
                                        .y = y.data(),
                                        .y_stride = rows});
  report(state, byte_size(type, rows * cols), tokens);
}

void packed_products(benchmark::State& state, const Table& table, DType type) {
  const std::int64_t tokens = state.range(0);
  const Buffer weights = random_weights(type);
  Buffer packed(weights.size());
  kernels::entry(table.interleave, type)(weights.data(), byte_size(type, cols), cols, 0, rows, packed.data());
  Buffer bytes(static_cast<std::size_t>(tokens * Activations::token_bytes(cols)));
  const Activations activations{bytes.data(), cols, tokens, table.token_tile};
  const std::vector<float> x = random_values(tokens * cols, 1);
  for (std::int64_t t = 0; t < tokens; ++t) table.quantize_activations(x.data() + t * cols, activations, t);
  std::vector<float> y(static_cast<std::size_t>(tokens * rows));
  for (auto _ : state)
    kernels::entry(table.packed_matmul, type)({.weights = packed.data(),
                                               .row_begin = 0,
                                               .row_end = rows,
                                               .x = activations,
                                               .y = y.data(),
                                               .y_stride = rows});
  report(state, byte_size(type, rows * cols), tokens);
}

void eigen_products(benchmark::State& state) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::int64_t tokens = state.range(0);
  const Matrix weights = Matrix::Random(rows, cols), x = Matrix::Random(tokens, cols);
  Matrix y(tokens, rows);
  for (auto _ : state) {
    y.noalias() = x * weights.transpose();
    benchmark::DoNotOptimize(y.data());
  }
  report(state, 4 * rows * cols, tokens);
}

void register_all() {
  constexpr std::int64_t token_counts[] = {1, 8, 64};
  for (const kernels::Choice& choice : kernels::choices()) {
    if (!choice.available) continue;
    const Table& table = *choice.table;
    quant::for_each_format([&]<class Format>() {
      const DType type = Format::dtype;
      const bool packed = kernels::entry(table.packed_matmul, type) != nullptr;
      const std::string name = concat("matmul/", to_string(type), "/", table.isa);
      auto* measured =
          benchmark::RegisterBenchmark(name.c_str(), packed ? packed_products : float_products, table, type);
      for (std::int64_t tokens : token_counts) measured->Arg(tokens);
    });
  }
  auto* eigen = benchmark::RegisterBenchmark("matmul/F32/Eigen, for the builder's flags", eigen_products);
  for (std::int64_t tokens : token_counts) eigen->Arg(tokens);
}

}  // namespace

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  register_all();
  benchmark::RunSpecifiedBenchmarks();
}
