// laboratory/own_kernel.ipp - the body of own_kernel.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <string>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/disturbance.hpp>
#include <linnet/laboratory/own_kernel.hpp>

namespace linnet::laboratory {
namespace detail {

struct ProgramOptions {
  bool json = false, csv = false, is_short = false, help = false;
  int threads = 0;
};

inline int read_threads(std::string_view word) {
  constexpr int most = 1024;
  int threads = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), threads);
  if (problem != std::errc() || end != word.data() + word.size() || threads < 0 || threads > most)
    fail(ErrorCode::invalid_argument, "--threads: expected a number from 0 to ", most, ", got \"", word,
         "\"");
  return threads;
}

inline ProgramOptions read_options(int argc, char** argv) {
  ProgramOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") {
      options.json = true;
    } else if (word == "--csv") {
      options.csv = true;
    } else if (word == "--short") {
      options.is_short = true;
    } else if (word == "--help") {
      options.help = true;
    } else if (word == "--threads") {
      if (i + 1 == argc) fail(ErrorCode::invalid_argument, "--threads: expected a number from 0 to 1024");
      options.threads = read_threads(argv[++i]);
    } else {
      fail(ErrorCode::invalid_argument, "unknown option \"", word, "\"; see --help");
    }
  }
  if (options.json && options.csv) fail(ErrorCode::invalid_argument, "expected --json or --csv, got both");
  return options;
}

/// Tests all kernels; says what was found on standard error. Returns those that are right.
inline std::vector<std::shared_ptr<const MatrixKernel>> check_all(
    const std::vector<std::shared_ptr<const MatrixKernel>>& own) {
  std::vector<std::shared_ptr<const MatrixKernel>> right;
  for (const auto& kernel : own) {
    std::fprintf(stderr, "%s %s %s: ", kernel->operation.c_str(), kernel->type.c_str(), kernel->isa.c_str());
    std::fflush(stderr);  // a kernel that ends the program was this one
    const std::vector<std::string> findings = check(kernel);
    std::fprintf(stderr, "%s; weights come back with an error of %.1f %%\n",
                 findings.empty() ? "right" : "WRONG", 100 * block_error(*kernel));
    constexpr std::size_t enough = 5;
    for (std::size_t i = 0; i < std::min(findings.size(), enough); ++i)
      std::fprintf(stderr, "  %s\n", findings[i].c_str());
    if (findings.size() > enough) std::fprintf(stderr, "  and more\n");
    if (findings.empty())
      right.push_back(kernel);
    else
      std::fprintf(stderr, "  so it is not measured\n");
  }
  return right;
}

/// Whether what was measured is the product: other sizes than those of check(). Says so on standard error.
inline bool check_measured(const MatrixKernel& kernel, const Figures& figures, std::int64_t tokens) {
  if (figures.error <= kernel.tolerance()) return true;
  std::fprintf(stderr, "%s %s %s: WRONG with %d tokens, an error of %g, expected at most %g\n",
               kernel.operation.c_str(), kernel.type.c_str(), kernel.isa.c_str(), static_cast<int>(tokens),
               figures.error, kernel.tolerance());
  return false;
}

/// The own kernels, and those of the active table to stand beside them.
inline std::vector<std::shared_ptr<const MatrixKernel>> with_neighbours(
    std::vector<std::shared_ptr<const MatrixKernel>> kernels) {
  const auto own_count = static_cast<std::ptrdiff_t>(kernels.size());
  const auto has_own = [&](const std::string& type) {
    return std::any_of(kernels.begin(), kernels.begin() + own_count,
                       [&](const auto& kernel) { return kernel->type == type; });
  };
  for (auto& kernel : built_in_kernels())
    if (&kernel->table == &kernels::active() &&
        (has_own(kernel->type) || kernel->type == "Q4_0" || kernel->type == "Q8_0"))
      kernels.push_back(std::move(kernel));
  return kernels;
}

inline int run_program(const std::vector<std::shared_ptr<const MatrixKernel>>& all,
                       const ProgramOptions& options) {
  const std::vector<std::shared_ptr<const MatrixKernel>> own = check_all(all);
  bool right = own.size() == all.size();
  if (own.empty()) return 1;
  BenchOptions bench_options{.threads = options.threads};
  if (options.is_short)
    bench_options = {.threads = options.threads,
                     .effort = {.seconds = 0, .least = 1},
                     .streaming_bytes = 0,
                     .measure_limits = false};
  const MatrixShape shape = options.is_short ? MatrixShape{64, 1024} : usual_shape;
  const Disturbance disturbance;
  Bench bench(bench_options);
  const bool table = !options.json && !options.csv;
  if (table) std::fputs(text_header(bench.read_bandwidth(), bench.threads()).c_str(), stdout);
  std::vector<Figures> found;
  for (const std::int64_t tokens : {1, 8, 64})
    for (const auto& kernel : with_neighbours(own)) {
      found.push_back(bench.measure(product_case(kernel, shape, tokens)));
      if (table) std::fputs(text_row(found.back()).c_str(), stdout);
      right &= check_measured(*kernel, found.back(), tokens);
    }
  if (options.json) std::fputs(to_json(found).c_str(), stdout);
  if (options.csv) std::fputs(to_csv(found).c_str(), stdout);
  std::fputs(disturbance.note().c_str(), stderr);
  return right && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace detail

LINNET_INLINE int run_laboratory(const std::vector<std::shared_ptr<const MatrixKernel>>& own, int argc,
                                 char** argv) {
  try {
    const detail::ProgramOptions options = detail::read_options(argc, argv);
    if (!options.help) return detail::run_program(own, options);
    std::puts(
        "Tests its kernels, then measures them beside linnet's.\n"
        "  --json, --csv  the figures for programs, in one of these forms\n"
        "  --short        a small matrix, little time: to see that it works\n"
        "  --threads N    0: what the machine grants, or LINNET_THREADS");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace linnet::laboratory
