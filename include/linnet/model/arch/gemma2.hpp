// arch/gemma2.hpp - Gemma 2: Gemma with post-norms, soft caps, and a window in every other layer.
#pragma once

#include <linnet/model/arch/gemma.hpp>
#include <linnet/model/arch/windows.hpp>

namespace linnet::arch {

/// The largest Gemma 2 and 3 scale attention by embedding / heads instead of the head's length; files have no
/// key for this, so the number of layers tells.
inline void scale_attention_by_width(Spec& spec, std::size_t layers_of_27b) {
  if (spec.layers.size() == layers_of_27b)
    spec.attention_scale =
        1 / std::sqrt(static_cast<float>(spec.embedding) / static_cast<float>(spec.layers[0].heads));
}

inline Spec gemma2(const Hyperparameters& in) {
  Spec spec = gemma(in);
  spec.post_norms = true;
  spec.attention_soft_cap = static_cast<float>(in.real("attn_logit_softcapping", 0, 1e6, 50));
  spec.logit_soft_cap = static_cast<float>(in.real("final_logit_softcapping", 0, 1e6, 30));
  if (!in.contains("attention.scale")) scale_attention_by_width(spec, 46);
  const std::int64_t window = in.integer("attention.sliding_window", 0, std::int64_t{1} << 31, 4096);
  set_windows(spec, window, [](std::int64_t layer) { return layer % 2 == 0; });
  return spec;
}

}  // namespace linnet::arch
