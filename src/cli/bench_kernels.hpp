// cli/bench_kernels.hpp - the subcommand of `linnet bench` that needs no model. Never runs one.
#pragma once

#include "options.hpp"

namespace linnet::cli {

void add_bench_kernels(Command& bench);

}  // namespace linnet::cli
