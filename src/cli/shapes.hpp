// cli/shapes.hpp - the sizes of real models, for files of random weights. Never builds one.
#pragma once

#include <cstdint>
#include <string_view>

namespace linnet::cli {

/// What a model's file would say of its sizes. Source: the models' published configurations.
struct ModelShape {
  std::string_view name;
  std::string_view architecture;
  std::int64_t vocabulary, embedding, layers, heads, kv_heads, head_dim, feed_forward, context;
  double rope_base;
  float norm_epsilon;
  std::int64_t window;       // 0: none
  bool tied;                 // the embedding makes the logits
  bool byte_level;           // byte-level BPE, else SentencePiece
  bool llama3_rope_scaling;  // frequencies divided as Llama 3.2 does
  float attention_soft_cap, logit_soft_cap;
};

inline constexpr ModelShape model_shapes[] = {
    {"llama-3.2-1b", "llama", 128256, 2048, 16, 32, 8, 64, 8192, 131072, 5e5, 1e-5f, 0, true, true, true, 0,
     0},
    {"llama-3.2-3b", "llama", 128256, 3072, 28, 24, 8, 128, 8192, 131072, 5e5, 1e-5f, 0, true, true, true, 0,
     0},
    {"phi-3-mini", "phi3", 32064, 3072, 32, 32, 32, 96, 8192, 4096, 1e4, 1e-5f, 2047, false, false, false, 0,
     0},
    {"gemma-2-2b", "gemma2", 256000, 2304, 26, 8, 4, 256, 9216, 8192, 1e4, 1e-6f, 4096, true, false, false,
     50, 30},
    {"mistral-7b", "llama", 32000, 4096, 32, 32, 8, 128, 14336, 32768, 1e4, 1e-5f, 4096, false, false, false,
     0, 0},
    {"gemma-3-1b", "gemma3", 262144, 1152, 26, 4, 1, 256, 6912, 32768, 1e6, 1e-6f, 512, true, false, false, 0,
     0},
};

}  // namespace linnet::cli
