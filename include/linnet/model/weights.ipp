// model/weights.ipp - the body of weights.hpp: GGUF's tensor names. Facts: the GGUF specification.
#pragma once

#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>
#include <linnet/model/weights.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet {
namespace detail {

/// Looks tensors up for one model and checks them. Stateless but for the copies it makes of unaligned data.
class WeightFinder {
 public:
  WeightFinder(const gguf::File& file, const Spec& spec, std::vector<Buffer>& owned)
      : file_(file), spec_(spec), owned_(owned) {}

  Weights load();

 private:
  const gguf::Tensor* find(const std::string& name, Shape shape) const;
  const gguf::Tensor& require(const std::string& name, Shape shape) const;
  TensorView matrix(const gguf::Tensor& tensor);
  TensorView matrix(const gguf::Tensor& tensor, TensorView part);
  std::vector<float> optional_vector(const std::string& name, std::int64_t length) const;
  Linear linear(const std::string& name, std::int64_t in, std::int64_t out);
  NormWeights norm(const std::string& name, std::int64_t length) const;
  std::vector<Linear> query_key_value(const std::string& block, const LayerSpec& layer);
  FeedForward dense(const std::string& block, const LayerSpec& layer);
  std::vector<FeedForward> experts(const std::string& block, const LayerSpec& layer);
  Linear expert(const std::string& block, std::string_view part, std::int64_t index, std::int64_t in,
                std::int64_t out);
  LayerWeights layer(std::int64_t index);

  const gguf::File& file_;
  const Spec& spec_;
  std::vector<Buffer>& owned_;
};

/// The tensor of this name, or null. @throws where its shape is another.
inline const gguf::Tensor* WeightFinder::find(const std::string& name, Shape shape) const {
  const gguf::Tensor* tensor = file_.find(name);
  if (tensor && tensor->view.shape != shape)
    fail(ErrorCode::bad_model, "tensor \"", name, "\": expected shape ", to_string(shape), ", the file has ",
         to_string(tensor->view.shape), "; its metadata and its tensors do not belong together");
  return tensor;
}

inline const gguf::Tensor& WeightFinder::require(const std::string& name, Shape shape) const {
  if (const gguf::Tensor* tensor = find(name, shape)) return *tensor;
  fail(ErrorCode::bad_model, "tensor \"", name, "\" ", to_string(shape), " is missing; a ",
       spec_.architecture, " model needs it (is the file one part of a split model?)");
}

inline TensorView WeightFinder::matrix(const gguf::Tensor& tensor) { return matrix(tensor, tensor.view); }

/// A part of a tensor, of whole rows.
inline TensorView WeightFinder::matrix(const gguf::Tensor& tensor, TensorView view) {
  if (!quant::is_computable(view.type))
    fail(ErrorCode::unsupported, "tensor \"", tensor.name, "\" has type ", to_string(view.type),
         ", which linnet does not compute with; use a file quantized to one of ", quant::computable_names());
  constexpr std::uintptr_t alignment = 4;
  if (reinterpret_cast<std::uintptr_t>(view.data) % alignment != 0) {
    Buffer& copy = owned_.emplace_back(static_cast<std::size_t>(view.bytes()));
    std::memcpy(copy.data(), view.data, copy.size());
    view.data = copy.data();
  }
  return view;
}

inline std::vector<float> WeightFinder::optional_vector(const std::string& name, std::int64_t length) const {
  const gguf::Tensor* tensor = find(name, {length, 1, 1, 1});
  return tensor ? read_floats(*tensor) : std::vector<float>();
}

inline Linear WeightFinder::linear(const std::string& name, std::int64_t in, std::int64_t out) {
  return {.weight = matrix(require(name + ".weight", {in, out, 1, 1})),
          .bias = optional_vector(name + ".bias", out),
          .name = name + ".weight"};
}

inline NormWeights WeightFinder::norm(const std::string& name, std::int64_t length) const {
  return {read_floats(require(name + ".weight", {length, 1, 1, 1})), optional_vector(name + ".bias", length)};
}

inline std::vector<Linear> WeightFinder::query_key_value(const std::string& block, const LayerSpec& layer) {
  const std::int64_t in = spec_.embedding, q = layer.heads * spec_.head_dim,
                     kv = layer.kv_heads * spec_.head_dim;
  std::vector<Linear> parts;
  if (file_.find(block + "attn_qkv.weight")) {
    parts.push_back(linear(block + "attn_qkv", in, q + 2 * kv));
  } else {
    parts.push_back(linear(block + "attn_q", in, q));
    parts.push_back(linear(block + "attn_k", in, kv));
    parts.push_back(linear(block + "attn_v", in, kv));
  }
  return parts;
}

inline FeedForward WeightFinder::dense(const std::string& block, const LayerSpec& layer) {
  const std::int64_t in = spec_.embedding, ff = layer.feed_forward;
  FeedForward network;
  if (!spec_.gated) {
    network.in.push_back(linear(block + "ffn_up", in, ff));
  } else if (file_.find(block + "ffn_gate.weight")) {
    network.in.push_back(linear(block + "ffn_gate", in, ff));
    network.in.push_back(linear(block + "ffn_up", in, ff));
  } else {
    network.in.push_back(linear(block + "ffn_up", in, 2 * ff));  // gate and up fused (Phi-3)
  }
  network.down = linear(block + "ffn_down", ff, in);
  return network;
}

/// One expert's matrix: a slice of the stacked tensor, or a tensor of its own in old files.
inline Linear WeightFinder::expert(const std::string& block, std::string_view part, std::int64_t index,
                                   std::int64_t in, std::int64_t out) {
  const std::string stacked = concat(block, part, "_exps.weight");
  if (!file_.find(stacked)) return linear(concat(block, part, ".", index), in, out);
  const gguf::Tensor& tensor = require(stacked, {in, out, spec_.experts, 1});
  TensorView view = tensor.view;
  view.shape[2] = 1;
  view.data += index * view.bytes();
  return {.weight = matrix(tensor, view), .name = stacked, .slice = index};
}

inline std::vector<FeedForward> WeightFinder::experts(const std::string& block, const LayerSpec& layer) {
  const std::int64_t in = spec_.embedding, ff = layer.feed_forward;
  std::vector<FeedForward> networks(static_cast<std::size_t>(spec_.experts));
  for (std::int64_t e = 0; e < spec_.experts; ++e) {
    FeedForward& network = networks[static_cast<std::size_t>(e)];
    network.in.push_back(expert(block, "ffn_gate", e, in, ff));
    network.in.push_back(expert(block, "ffn_up", e, in, ff));
    network.down = expert(block, "ffn_down", e, ff, in);
  }
  return networks;
}

inline LayerWeights WeightFinder::layer(std::int64_t index) {
  const std::string block = concat("blk.", index, ".");
  const LayerSpec& spec = spec_.layers[static_cast<std::size_t>(index)];
  LayerWeights weights;
  weights.attention_norm = norm(block + "attn_norm", spec_.embedding);
  weights.query_key_value = query_key_value(block, spec);
  if (spec_.query_key_norm) {
    weights.query_norm = norm(block + "attn_q_norm", spec_.head_dim);
    weights.key_norm = norm(block + "attn_k_norm", spec_.head_dim);
  }
  weights.attention_output = linear(block + "attn_output", spec.heads * spec_.head_dim, spec_.embedding);
  if (!spec_.parallel) weights.feed_forward_norm = norm(block + "ffn_norm", spec_.embedding);
  if (spec_.post_norms) {
    weights.post_attention_norm = norm(block + "post_attention_norm", spec_.embedding);
    weights.post_feed_forward_norm = norm(block + "post_ffw_norm", spec_.embedding);
  }
  if (spec_.experts > 0) {
    weights.router = linear(block + "ffn_gate_inp", spec_.embedding, spec_.experts);
    weights.feed_forwards = experts(block, spec);
  } else {
    weights.feed_forwards.push_back(dense(block, spec));
  }
  return weights;
}

inline Weights WeightFinder::load() {
  Weights weights;
  const std::int64_t width = spec_.embedding, vocabulary = spec_.vocabulary;
  weights.token_embedding = matrix(require("token_embd.weight", {width, vocabulary, 1, 1}));
  weights.output_norm = norm("output_norm", width);
  const bool tied = !file_.find("output.weight");
  weights.output = tied ? Linear{.weight = weights.token_embedding, .name = "output.weight"}
                        : linear("output", width, vocabulary);
  for (std::size_t i = 0; i < spec_.layers.size(); ++i)
    weights.layers.push_back(layer(static_cast<std::int64_t>(i)));
  return weights;
}

}  // namespace detail

LINNET_INLINE Weights load_weights(const gguf::File& file, const Spec& spec) {
  std::vector<Buffer> owned;
  Weights weights = detail::WeightFinder(file, spec, owned).load();
  weights.owned = std::move(owned);
  return weights;
}

LINNET_INLINE std::vector<float> read_floats(const gguf::Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.view.elements()));
  try {
    quant::dequantize(tensor.view.type, tensor.view.data, values);
  } catch (const Error& error) {
    fail(error.code(), "tensor \"", tensor.name, "\": ", error.what());
  }
  return values;
}

}  // namespace linnet
