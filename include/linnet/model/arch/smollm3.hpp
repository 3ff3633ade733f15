// arch/smollm3.hpp - SmolLM3: Llama with no position embedding in every fourth layer.
#pragma once

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec smollm3(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.ropes[0].style = RopeStyle::interleaved;
  for (std::size_t i = 3; i < spec.layers.size(); i += 4)
    spec.layers[i].rope = -1;  // files have no key for this
  return spec;
}

}  // namespace linnet::arch
