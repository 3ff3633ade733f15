// cli/bench_kernels.hpp - the subcommand of `linnet bench` that needs no model. Never runs one.
#pragma once

#include "command.hpp"

namespace linnet::cli {

Command add_bench_kernels(CLI::App& bench);

}  // namespace linnet::cli
