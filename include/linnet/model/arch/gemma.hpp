// arch/gemma.hpp - Gemma: scaled embeddings, GELU gates. The files hold norm weights with the 1 already
// added.
#pragma once

#include <cmath>

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec gemma(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.embedding));
  spec.activation = Activation::gelu_tanh;
  return spec;
}

}  // namespace linnet::arch
