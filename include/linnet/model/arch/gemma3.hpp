// arch/gemma3.hpp - Gemma 3 (text): query/key norms, five windowed layers for each that sees everything.
#pragma once

#include <linnet/model/arch/gemma2.hpp>

namespace linnet::arch {

/// Windowed layers have a RoPE of their own: a small base, never scaled.
inline RopeSpec local_rope(const Hyperparameters& in, const RopeSpec& global) {
  RopeSpec rope;
  rope.dims = global.dims;
  rope.base = in.real("rope.freq_base_swa", 1e-3, 1e12, 10000);
  return rope;
}

inline Spec gemma3(const Hyperparameters& in) {
  Spec spec = gemma(in);
  spec.query_key_norm = true;
  spec.post_norms = true;
  spec.attention_soft_cap = static_cast<float>(in.real("attn_logit_softcapping", 0, 1e6, 0));
  spec.logit_soft_cap = static_cast<float>(in.real("final_logit_softcapping", 0, 1e6, 0));
  if (!in.contains("attention.scale")) scale_attention_by_width(spec, 62);
  const std::int64_t pattern = in.integer("attention.sliding_window_pattern", 1, 512, 6);
  const std::int64_t window = read_window(in);
  set_windows(spec, window, [&](std::int64_t layer) { return layer % pattern != pattern - 1; });
  spec.ropes.push_back(local_rope(in, spec.ropes[0]));
  for (LayerSpec& layer : spec.layers) layer.rope = layer.window > 0 ? 1 : 0;
  return spec;
}

}  // namespace linnet::arch
