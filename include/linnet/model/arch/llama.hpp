// arch/llama.hpp - Llama 1 to 3.2, Mistral, Mixtral, SmolLM and SmolLM2: what their files say, as a Spec.
#pragma once

#include <linnet/model/arch/windows.hpp>

namespace linnet::arch {

/// Mistral v0.1 attends within a window in every layer; its files may say so in attention.sliding_window.
inline Spec llama(const Hyperparameters& in) {
  Spec spec = read_common_spec(in);
  spec.ropes[0].style = RopeStyle::interleaved;  // GGUF files hold query and key rows permuted to this order
  set_windows(spec, read_window(in), [](std::int64_t) { return true; });
  return spec;
}

}  // namespace linnet::arch
