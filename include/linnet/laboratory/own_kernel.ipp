// laboratory/own_kernel.ipp - the body of own_kernel.hpp.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/own_kernel.hpp>

namespace linnet::laboratory {
namespace detail {

struct ProgramOptions {
  bool json = false, csv = false, is_short = false, help = false;
  int threads = 0;
};

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
    } else if (word == "--threads" && i + 1 < argc) {
      options.threads = std::atoi(argv[++i]);
    } else {
      fail(ErrorCode::invalid_argument, "unknown option \"", word, "\"; see --help");
    }
  }
  return options;
}

/// Tests all kernels; says what was found on standard error. Returns whether all are right.
inline bool check_all(const std::vector<std::shared_ptr<const MatrixKernel>>& own) {
  bool right = true;
  for (const auto& kernel : own) {
    const std::vector<std::string> findings = check(kernel);
    std::fprintf(stderr, "%s %s: %s\n", kernel->type.c_str(), kernel->isa.c_str(),
                 findings.empty() ? "right" : "WRONG");
    constexpr std::size_t enough = 5;
    for (std::size_t i = 0; i < std::min(findings.size(), enough); ++i)
      std::fprintf(stderr, "  %s\n", findings[i].c_str());
    if (findings.size() > enough) std::fprintf(stderr, "  and %zu more\n", findings.size() - enough);
    right &= findings.empty();
  }
  return right;
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

inline int run_program(const std::vector<std::shared_ptr<const MatrixKernel>>& own,
                       const ProgramOptions& options) {
  const bool right = check_all(own);
  BenchOptions bench_options{.threads = options.threads};
  if (options.is_short)
    bench_options = {.threads = options.threads,
                     .effort = {.seconds = 0, .least = 1},
                     .streaming_bytes = 0,
                     .measure_limits = false};
  const MatrixShape shape = options.is_short ? MatrixShape{64, 1024} : usual_shape;
  Bench bench(bench_options);
  const bool table = !options.json && !options.csv;
  if (table) std::fputs(text_header(bench.read_bandwidth(), bench.threads()).c_str(), stdout);
  std::vector<Figures> found;
  for (const std::int64_t tokens : {1, 8, 64})
    for (const auto& kernel : with_neighbours(own)) {
      found.push_back(bench.measure(product_case(kernel, shape, tokens)));
      if (table) std::fputs(text_row(found.back()).c_str(), stdout);
    }
  if (options.json) std::fputs(to_json(found).c_str(), stdout);
  if (options.csv) std::fputs(to_csv(found).c_str(), stdout);
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
        "  --json, --csv  the figures for programs\n"
        "  --short        a small matrix, little time: to see that it works\n"
        "  --threads N    0: what the machine grants, or LINNET_THREADS");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace linnet::laboratory
