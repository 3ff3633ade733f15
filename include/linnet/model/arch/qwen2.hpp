// arch/qwen2.hpp - Qwen 2 and 2.5: Llama's shape, RoPE in halves, biases on query, key and value (found in
// the file).
#pragma once

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec qwen2(const Hyperparameters& in) { return read_common_spec(in); }

}  // namespace linnet::arch
