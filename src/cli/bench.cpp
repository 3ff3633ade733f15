// bench.cpp - `linnet bench`: how fast a model reads (prefill, pp) and writes (decode, tg). Never samples.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <linnet/kernels/dispatch.hpp>
#include <linnet/laboratory/disturbance.hpp>
#include <linnet/laboratory/machine.hpp>
#include <linnet/runtime/session.hpp>

#include "arguments.hpp"
#include "bench_kernels.hpp"
#include "bench_report.hpp"
#include "bench_runner.hpp"
#include "commands.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace linnet::cli {
namespace {

struct BenchArguments {
  EngineArguments engine;  // its threads are those that load
  std::vector<std::int64_t> prompts = {512}, generated = {128}, depths = {0}, batches = {1};
  std::vector<int> threads = {0};
  std::int64_t max_batch = SessionOptions().max_batch;
  int repeats = 5;
  bool json = false, csv = false, no_limits = false;

  bool table() const { return !json && !csv; }
};

/// The most memory that this process has used, in bytes. Linux: not what its parent used before it started.
std::int64_t peak_rss() {
  if (std::FILE* const status = std::fopen("/proc/self/status", "re")) {
    char line[256];
    long long kib = -1;
    while (std::fgets(line, sizeof line, status))
      if (std::sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
    std::fclose(status);
    if (kib >= 0) return kib * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Forgets what was used so far. Where the system does not let it, the peak includes it.
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << 5; }

std::vector<BenchTest> list_tests(const BenchArguments& arguments) {
  std::vector<BenchTest> tests;
  for (std::int64_t depth : arguments.depths) {
    for (std::int64_t tokens : arguments.prompts)
      if (tokens > 0) tests.push_back({false, tokens, depth});
    for (std::int64_t tokens : arguments.generated)
      if (tokens > 0) tests.push_back({true, tokens, depth});
  }
  if (tests.empty()) fail(ErrorCode::invalid_argument, "nothing to measure: -p or -n must be above 0");
  return tests;
}

/// The limits of the machine for each number of threads, measured before the model takes its memory.
std::vector<MachineLimits> measure_limits(const BenchArguments& arguments) {
  std::vector<MachineLimits> all(arguments.threads.size());
  if (arguments.no_limits) return all;
  Progress progress("measuring the machine", static_cast<std::int64_t>(all.size()), "runs");
  const kernels::Table& table = kernels::active();
  for (std::size_t i = 0; i < all.size(); ++i) {
    check_interrupted();
    ThreadTeam team(resolve_thread_count(arguments.threads[i]));
    all[i] = {laboratory::measure_read_bandwidth(team, laboratory::streaming_bytes()),
              laboratory::measure_peak(team, table)};
    progress.add(1);
  }
  reset_peak_rss();
  return all;
}

BenchResult run_test(BenchRunner& runner, const BenchTest& test, const BenchSetting& setting,
                     const BenchArguments& arguments) {
  Progress progress(test.name(), test.tokens * setting.batch * arguments.repeats, "tokens");
  const Engine& engine = runner.engine();
  return {.test = test,
          .setting = setting,
          .times = runner.measure(test, arguments.repeats, progress),
          .limits = {},
          .threads = engine.threads(),
          .isa = std::string(engine.isa()),
          .cache_bytes = engine.cache().bytes(),
          .scratch_bytes = engine.scratch_bytes(),
          .peak_rss_bytes = peak_rss(),
          .mmap = arguments.engine.mmap,
          .float32 = arguments.engine.float32,
          .model_name = arguments.engine.model.filename().string()};
}

/// Calls report(result) for each test. Returns false where the user ended it.
template <class Report>
bool run_tests(const BenchArguments& arguments, const std::vector<BenchTest>& tests,
               const std::vector<MachineLimits>& limits, const std::shared_ptr<const Model>& model,
               Report report) {
  try {
    for (std::size_t i = 0; i < limits.size(); ++i)
      for (std::int64_t batch : arguments.batches) {
        const BenchSetting setting{.threads = arguments.threads[i],
                                   .batch = batch,
                                   .max_batch = arguments.max_batch,
                                   .cache_type = arguments.engine.cache_type};
        BenchRunner runner(model, setting, tests);
        for (const BenchTest& test : tests) {
          BenchResult result = run_test(runner, test, setting, arguments);
          result.limits = limits[i];
          report(result);
        }
      }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    return false;
  }
  return true;
}

int run(const BenchArguments& arguments) {
  if (arguments.engine.model.empty())
    fail(ErrorCode::invalid_argument, "--model is required; see linnet bench --help");
  const std::vector<BenchTest> tests = list_tests(arguments);
  gguf::File::open(arguments.engine.model);  // what is no model should not wait for the machine's figures
  const laboratory::Disturbance disturbance;
  const std::vector<MachineLimits> limits = measure_limits(arguments);
  const auto model = load_model(arguments.engine);
  Json results = Json::array();
  if (arguments.table()) {
    out().print(bench_header(arguments.engine.model.filename().string(), *model));
    for (std::size_t i = 0; i < limits.size(); ++i)
      out().print(bench_limits(limits[i], resolve_thread_count(arguments.threads[i]), kernels::active().isa));
    out().print(bench_columns());
    out().flush();
  }
  const bool finished = run_tests(arguments, tests, limits, model, [&](const BenchResult& result) {
    results.push_back(to_json(result, *model));
    if (!arguments.table()) return;
    out().print(bench_row(results.back()));
    out().flush();
  });
  if (arguments.json)
    out().print(dump(results, 2), '\n');
  else if (arguments.csv)
    out().print(to_csv(results));
  else if (finished)
    out().print("peak memory ", human_bytes(static_cast<double>(peak_rss())), '\n');
  if (stderr_is_terminal()) print_error(disturbance.note());
  return finished ? 0 : interrupted_exit_code();
}

void add_options(Command& command, BenchArguments& arguments) {
  constexpr std::int64_t most = std::int64_t{1} << 30;
  add_model_option(command, arguments.engine.model);  // `bench kernels` has none, so that run() asks for it
  const auto list = [&](const char* name, auto& values, std::int64_t least, std::int64_t greatest,
                        const char* help) {
    command.add_option(name, values, help)
        .comma_separated()
        .value_name("N,...")
        .range(least, greatest)
        .show_default();
  };
  list("-p,--prompt", arguments.prompts, 0, most, "Tokens of a prefill; 0: none");
  list("-n,--generate", arguments.generated, 0, most, "Tokens of a decode; 0: none");
  list("-d,--depth", arguments.depths, 0, most, "Tokens in the cache before");
  list("-b,--batch", arguments.batches, 1, 512, "Sequences computed side by side");
  list("-t,--threads", arguments.threads, 0, 1024,
       "Threads, at most; 0: what the machine grants, or LINNET_THREADS");
  command.add_option("--max-batch", arguments.max_batch, "Tokens of a prompt computed at once")
      .value_name("N")
      .range(std::int64_t{1}, most)
      .show_default();
  add_cache_type_option(command, arguments.engine.cache_type);
  add_mmap_option(command, arguments.engine.mmap);
  add_float32_option(command, arguments.engine.float32);
  add_reproducible_option(command, arguments.engine.reproducible);
  add_memory_option(command, arguments.engine.memory);
  command.add_option("-r,--repeats", arguments.repeats, "Runs of each test")
      .value_name("N")
      .range(1, 1000)
      .show_default();
  command.add_flag("--no-limits", arguments.no_limits, "Do not measure what the machine can do: no roofline");
  command.add_flag("--json", arguments.json, "Print a JSON array");
  command.add_flag("--csv", arguments.csv, "Print comma-separated values").excludes("--json");
}

}  // namespace

void add_bench(Command& program) {
  Command& command =
      program.add_command("bench", "Measure the speed of prefill (pp) and decode (tg), or of every kernel");
  const auto arguments = std::make_shared<BenchArguments>();
  add_options(command, *arguments);
  command.set_footer(
      "tokens/s: the median over the repeats, of all sequences together, and the slowest and fastest. Tokens "
      "are\n"
      "random. A short run before is not counted. ms: the time to the first token of a prefill; between "
      "tokens\n"
      "of a decode, its median and the time that 99 of 100 stay below. GB/s: bytes of weights that decoding\n"
      "reads. Roofline: the time that the machine needs at the least, to read weights and cache from memory "
      "or\n"
      "to multiply, as a share of the time taken; both limits are measured first, with the same threads.\n\n"
      "Example:\n"
      "  linnet bench -m model.gguf -p 512 -n 128 -d 0,4096 -b 1,8 --json");
  add_bench_kernels(command);
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
