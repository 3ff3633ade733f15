// cli/bench_report.hpp - the figures of `linnet bench`, as JSON, as CSV and for people. Never measures.
#pragma once

#include <cstdint>
#include <string>

#include <linnet/model/engine.hpp>

#include "bench_runner.hpp"
#include "bench_work.hpp"
#include "json_text.hpp"

namespace linnet::cli {

/// What the machine can do with the threads of a test; 0: not measured.
struct MachineLimits {
  double read_bandwidth = 0;  // bytes per second
  double peak = 0;            // multiplications and additions per second
};

/// A test and what was found.
struct BenchResult {
  BenchTest test;
  BenchSetting setting;
  BenchTimes times;
  MachineLimits limits;
  int threads = 0;
  std::string isa;
  std::int64_t cache_bytes = 0, scratch_bytes = 0, peak_rss_bytes = 0;
  bool mmap = false;
  bool float32 = false;
  std::string model_name;
};

/// Every result has the same keys; what a test has not is null.
Json to_json(const BenchResult& result, const Model& model);
/// A header and a line for each object of an array of such objects; arrays are separated by semicolons.
std::string to_csv(const Json& results);

/// The table's first lines, and a line of it.
std::string bench_header(const std::string& model_name, const Model& model);
std::string bench_limits(const MachineLimits& limits, int threads, std::string_view isa);
std::string bench_columns();
std::string bench_row(const Json& result);

}  // namespace linnet::cli
