// arch/qwen3.hpp - Qwen 3: normalised queries and keys, no biases.
#pragma once

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec qwen3(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.query_key_norm = true;
  return spec;
}

}  // namespace linnet::arch
