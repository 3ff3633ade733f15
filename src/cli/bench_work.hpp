// cli/bench_work.hpp - what a step of a model must read and multiply at the least. Never runs one.
#pragma once

#include <cstdint>

#include <linnet/base/dtype.hpp>
#include <linnet/model/model.hpp>

namespace linnet::cli {

/// Tokens that every one of `batch` sequences appends at once, after `depth` others.
struct Step {
  std::int64_t tokens = 1, depth = 0, batch = 1;
  DType cache_type = DType::f16;
};

struct Work {
  double weight_bytes = 0;  // read once, for the whole batch; of experts, those that random routing chooses
  double cache_bytes = 0;   // of keys and values, read once
  double operations = 0;    // multiplications and additions
};

/// Counts matrix products and attention; everything else is small beside them. Logits are those of the last
/// token of each sequence.
Work count_work(const Model& model, const Step& step);

}  // namespace linnet::cli
