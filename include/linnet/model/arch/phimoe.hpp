// arch/phimoe.hpp - Phi-3.5-MoE: layer norms, biases, and experts chosen by a sparse mixer.
#pragma once

#include <linnet/model/arch/windows.hpp>

namespace linnet::arch {

/// The files name an RMS epsilon, but the model normalises with mean and bias (Transformers, modular_phimoe).
inline Spec phimoe(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.norm = NormKind::layer;
  spec.routing = Routing::sparse_mixer;
  if (spec.experts < 2 || spec.experts_used != 2)
    fail(ErrorCode::unsupported, "key \"phimoe.expert_used_count\": expected 2 of at least 2 experts, found ",
         spec.experts_used, " of ", spec.experts);
  set_windows(spec, read_window(in), [](std::int64_t) { return true; });
  return spec;
}

}  // namespace linnet::arch
