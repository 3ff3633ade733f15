// arch/phi2.hpp - Phi-1, 1.5 and 2: layer norms, biases, attention and feed-forward side by side.
#pragma once

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec phi2(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.norm = NormKind::layer;
  spec.parallel = true;
  spec.activation = Activation::gelu_tanh;
  spec.gated = false;
  return spec;
}

}  // namespace linnet::arch
