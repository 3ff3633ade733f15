// cli/synthetic_model.cpp - the keys and tensors of synthetic_model.hpp, named as the format says.
#include "synthetic_model.hpp"

#include <cmath>
#include <numbers>
#include <string>

namespace linnet::cli {
namespace {

void add_keys(gguf::Metadata& metadata, const ModelShape& shape, const quant::Mix& mix) {
  const auto set = [&](std::string_view key, gguf::Value value) {
    metadata.set(concat(shape.architecture, ".", key), std::move(value));
  };
  const auto number = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  metadata.set("general.architecture", shape.architecture);
  metadata.set("general.name", concat(shape.name, " with random weights"));
  metadata.set("general.file_type", mix.file_type);
  metadata.set("general.quantization_version", std::uint32_t{2});
  set("context_length", number(shape.context));
  set("embedding_length", number(shape.embedding));
  set("block_count", number(shape.layers));
  set("feed_forward_length", number(shape.feed_forward));
  set("attention.head_count", number(shape.heads));
  set("attention.head_count_kv", number(shape.kv_heads));
  set("attention.key_length", number(shape.head_dim));
  set("attention.value_length", number(shape.head_dim));
  set("attention.layer_norm_rms_epsilon", shape.norm_epsilon);
  set("rope.dimension_count", number(shape.head_dim));
  set("rope.freq_base", static_cast<float>(shape.rope_base));
  set("vocab_size", number(shape.vocabulary));
  if (shape.window > 0) set("attention.sliding_window", number(shape.window));
  if (shape.attention_soft_cap > 0) set("attn_logit_softcapping", shape.attention_soft_cap);
  if (shape.logit_soft_cap > 0) set("final_logit_softcapping", shape.logit_soft_cap);
}

/// Adds tensors with the types that the mix gives them.
class TensorAdder {
 public:
  TensorAdder(gguf::Writer& writer, const ModelShape& shape, const quant::Mix& mix)
      : writer_(writer),
        mix_(mix),
        model_{.layers = shape.layers, .group = shape.heads / shape.kv_heads, .tied = shape.tied} {}

  void matrix(const std::string& name, std::int64_t in, std::int64_t out) {
    writer_.add_tensor(name, quant::choose_type(mix_, model_, name, 2, in), {in, out});
  }
  void vector(const std::string& name, std::int64_t length) {
    writer_.add_tensor(name, DType::f32, {length});
  }

 private:
  gguf::Writer& writer_;
  const quant::Mix& mix_;
  quant::MixedModel model_;
};

void add_layer(TensorAdder& add, const ModelShape& shape, std::int64_t layer) {
  const std::string block = concat("blk.", layer, ".");
  const bool fused = shape.architecture == "phi3", gemma = shape.architecture.starts_with("gemma");
  const std::int64_t width = shape.embedding, q = shape.heads * shape.head_dim,
                     kv = shape.kv_heads * shape.head_dim;
  add.vector(block + "attn_norm.weight", width);
  if (fused) {
    add.matrix(block + "attn_qkv.weight", width, q + 2 * kv);
  } else {
    add.matrix(block + "attn_q.weight", width, q);
    add.matrix(block + "attn_k.weight", width, kv);
    add.matrix(block + "attn_v.weight", width, kv);
  }
  if (shape.architecture == "gemma3") {
    add.vector(block + "attn_q_norm.weight", shape.head_dim);
    add.vector(block + "attn_k_norm.weight", shape.head_dim);
  }
  add.matrix(block + "attn_output.weight", q, width);
  if (gemma) add.vector(block + "post_attention_norm.weight", width);
  add.vector(block + "ffn_norm.weight", width);
  if (!fused) add.matrix(block + "ffn_gate.weight", width, shape.feed_forward);
  add.matrix(block + "ffn_up.weight", width, (fused ? 2 : 1) * shape.feed_forward);
  add.matrix(block + "ffn_down.weight", shape.feed_forward, width);
  if (gemma) add.vector(block + "post_ffw_norm.weight", width);
}

}  // namespace

gguf::Writer synthetic_model(const ModelShape& shape, const quant::Mix& mix) {
  gguf::Writer writer;
  add_keys(writer.metadata, shape, mix);
  add_synthetic_vocabulary(writer.metadata, shape.vocabulary, shape.byte_level);
  TensorAdder add(writer, shape, mix);
  add.matrix("token_embd.weight", shape.embedding, shape.vocabulary);
  if (shape.llama3_rope_scaling) add.vector("rope_freqs.weight", shape.head_dim / 2);
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) add_layer(add, shape, layer);
  add.vector("output_norm.weight", shape.embedding);
  if (!shape.tied) add.matrix("output.weight", shape.embedding, shape.vocabulary);
  return writer;
}

/// Source: the rope_scaling of Llama 3.2's configuration: factor 32 between wavelengths of 8192 / 4 and 8192.
std::vector<float> llama3_rope_factors(const ModelShape& shape) {
  constexpr double factor = 32, low = 1, high = 4, original_context = 8192;
  std::vector<float> factors;
  for (std::int64_t i = 0; i < shape.head_dim / 2; ++i) {
    const double frequency =
        std::pow(shape.rope_base, -2.0 * static_cast<double>(i) / static_cast<double>(shape.head_dim));
    const double turns = original_context * frequency / (2 * std::numbers::pi);
    const double smooth = (turns - low) / (high - low);
    factors.push_back(static_cast<float>(turns < low    ? factor
                                         : turns > high ? 1
                                                        : 1 / ((1 - smooth) / factor + smooth)));
  }
  return factors;
}

}  // namespace linnet::cli
