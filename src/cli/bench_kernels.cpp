// bench_kernels.cpp - `linnet bench kernels`: every kernel on every instruction set, against the machine's
// limits. Never reads a model.
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/disturbance.hpp>

#include "bench_kernels.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace linnet::cli {
namespace {

struct BenchKernelsArguments {
  std::string filter;
  int threads = 0;
  double seconds = 0.1;
  bool json = false, csv = false, list = false;
};

/// The scalar reference takes minutes: nobody shall wait for it by mistake.
bool leaves_out_scalar(const std::string& filter) {
  return kernels::forced_isa().empty() && !std::regex_search(filter, std::regex("scalar", std::regex::icase));
}

/// The cases of the instruction set that LINNET_ISA names, or of all, whose names the expression finds.
std::vector<laboratory::Case> choose_cases(const std::string& filter) {
  const std::string_view only = kernels::forced_isa().empty() ? "" : kernels::active().isa;
  const bool no_scalar = leaves_out_scalar(filter);
  std::vector<laboratory::Case> cases = laboratory::built_in_cases();
  try {
    const std::regex expression(filter, std::regex::icase);
    std::erase_if(cases, [&](const laboratory::Case& one) {
      const bool wrong_set = only.empty() ? no_scalar && one.isa == "scalar" : one.isa != only;
      return wrong_set || !std::regex_search(one.name(), expression);
    });
  } catch (const std::regex_error&) {
    fail(ErrorCode::invalid_argument, "--filter: expected a regular expression, got \"", filter, "\"");
  }
  if (cases.empty())
    fail(ErrorCode::invalid_argument, "--filter: no kernel of ",
         only.empty() ? "this machine" : concat("LINNET_ISA=", only), " has \"", filter,
         "\" in its name; --list shows them");
  return cases;
}

bool measure_all(const std::vector<laboratory::Case>& cases, laboratory::Bench& bench, bool print_rows,
                 std::vector<laboratory::Figures>& found) {
  std::optional<Progress> progress;
  // Rows on the terminal show how far it is; a line among them would be in their way.
  if (!print_rows || !stdout_is_terminal())
    progress.emplace("measuring", static_cast<std::int64_t>(cases.size()), "kernels");
  for (const laboratory::Case& one : cases) {
    if (interrupted()) return false;
    found.push_back(bench.measure(one));
    if (progress) progress->add(1);
    if (!print_rows) continue;
    out().print(laboratory::text_row(found.back()));
    out().flush();
  }
  return true;
}

int run(const BenchKernelsArguments& arguments) {
  const std::vector<laboratory::Case> cases = choose_cases(arguments.filter);
  if (arguments.list) {
    for (const laboratory::Case& one : cases) out().print(one.name(), '\n');
    return 0;
  }
  const bool table = !arguments.json && !arguments.csv;
  const laboratory::Disturbance disturbance;
  laboratory::Bench bench({.threads = arguments.threads, .effort = {.seconds = arguments.seconds}});
  if (table) out().print(laboratory::text_header(bench.read_bandwidth(), bench.threads()));
  std::vector<laboratory::Figures> found;
  const bool finished = measure_all(cases, bench, table, found);
  if (arguments.json) out().print(laboratory::to_json(found));
  if (arguments.csv) out().print(laboratory::to_csv(found));
  if (table && finished && leaves_out_scalar(arguments.filter))
    out().print("left out: the scalar reference; --filter scalar measures it\n");
  if (stderr_is_terminal()) print_error(disturbance.note());
  return finished ? 0 : interrupted_exit_code();
}

}  // namespace

void add_bench_kernels(Command& bench) {
  Command& command =
      bench.add_command("kernels", "Measure every kernel on every instruction set, or on that of LINNET_ISA");
  const auto arguments = std::make_shared<BenchKernelsArguments>();
  command
      .add_option(
          "--filter", arguments->filter,
          "Only kernels whose name, such as packed_matmul/Q4_0/avx2/8192x2048/1, has this in any case; "
          "without the word scalar, not the scalar reference")
      .value_name("REGEX");
  command
      .add_option("-t,--threads", arguments->threads,
                  "Threads, at most; 0: what the machine grants, or LINNET_THREADS")
      .value_name("N")
      .range(0, 1024);
  command.add_option("--seconds", arguments->seconds, "Time for each, at the least three runs")
      .value_name("S")
      .range(0.0, 3600.0)
      .show_default();
  command.add_flag("--list", arguments->list, "Print the names alone");
  command.add_flag("--json", arguments->json, "Print a JSON array").excludes("--list");
  command.add_flag("--csv", arguments->csv, "Print comma-separated values")
      .excludes("--json")
      .excludes("--list");
  command.set_footer(
      "ms: the median; spread: the most less the least, in percent of it. GB/s: bytes of weights, of cache "
      "or of\n"
      "activations that a run must move, and their share\n"
      "of the bandwidth with which the same threads read memory in huge pages; weights lie there in as many\n"
      "copies as no cache holds, or \"cache\" says that they did not. GFLOP/s: multiplications and "
      "additions, and\n"
      "their share of what the instruction set's best multiply reaches in registers. error: relative rms "
      "against\n"
      "float64 on the same weights and unrounded activations.\n\n"
      "Example:\n"
      "  linnet bench kernels --filter 'q4_0/.*/(1|512)$'");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
