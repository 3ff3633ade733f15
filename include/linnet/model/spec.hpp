// model/spec.hpp - what an architecture is, as data. One forward pass reads it; nothing here computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace linnet {

enum class NormKind { rms, layer };
enum class Activation { silu, gelu_tanh };

/// How a token chooses its experts, and what they weigh.
enum class Routing {
  softmax,       // softmax over all, the best k, renormalised (Mixtral)
  sparse_mixer,  // the best, then the best of the rest; each weighed within a margin around it (Phi-3.5-MoE)
};

enum class RopeStyle {
  interleaved,  // rotates (x[2i], x[2i + 1])
  halves,       // rotates (x[i], x[i + dims / 2])
};

/// One rotary position embedding: the angle of pair i at position p is p * frequency(i).
struct RopeSpec {
  RopeStyle style = RopeStyle::halves;
  std::int64_t dims = 0;     // values of a head that rotate; the rest pass through
  double base = 10000;       // frequency(i) = base^(-2i / dims)
  double linear_factor = 1;  // divides every frequency
  bool yarn = false;         // blends divided and undivided frequencies by wavelength; Peng et al., 2023
  double yarn_factor = 1, yarn_beta_fast = 32, yarn_beta_slow = 1;
  std::int64_t original_context = 0;  // the context the model was first trained for
  float magnitude = 1;                // multiplies cosine and sine
  std::vector<float> factors;         // [dims / 2], divide the frequencies; empty: ones
  std::vector<float> long_factors;    // used instead of `factors` by a sequence longer than original_context
};

struct LayerSpec {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads
  std::int64_t feed_forward = 0;
  std::int64_t window = 0;  // a key is seen from positions less than this far after it; 0: from all
  int rope = 0;             // index into Spec::ropes; -1: no rotation
};

struct Spec {
  std::string architecture;
  std::int64_t vocabulary = 0;
  std::int64_t embedding = 0;  // width of the residual stream
  std::int64_t head_dim = 0;
  std::int64_t context = 0;  // positions that the model was trained for
  std::vector<LayerSpec> layers;
  std::vector<RopeSpec> ropes;

  NormKind norm = NormKind::rms;
  float norm_epsilon = 1e-5f;
  bool query_key_norm = false;  // each head's query and key are normalised before RoPE
  bool post_norms = false;  // the outputs of attention and feed-forward are normalised before they are added
  bool parallel = false;    // attention and feed-forward read the same normalised input (Phi-2)

  Activation activation = Activation::silu;
  bool gated = true;         // down(activation(gate) * up), else down(activation(up))
  std::int64_t experts = 0;  // 0: one feed-forward for every token
  std::int64_t experts_used = 0;
  Routing routing = Routing::softmax;

  float embedding_scale = 1;
  float attention_scale = 0;     // multiplies query . key
  float attention_soft_cap = 0;  // 0: none
  float logit_soft_cap = 0;      // 0: none
};

}  // namespace linnet
