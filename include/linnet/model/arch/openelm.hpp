// arch/openelm.hpp - OpenELM: heads and feed-forward widths that grow from layer to layer, normalised queries
// and keys.
#pragma once

#include <linnet/model/hyperparameters.hpp>

namespace linnet::arch {

inline Spec openelm(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.query_key_norm = true;
  return spec;
}

}  // namespace linnet::arch
