// model/weights.hpp - the weights of a model, found by name in its file and checked against its Spec. Never
// computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/tensor.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/model/spec.hpp>

namespace linnet {

/// y = weight x + bias.
struct Linear {
  TensorView weight;                  // [in, out] in GGUF's order: `out` rows of `in`
  std::vector<float> bias = {};       // [out]; empty: none
  const std::byte* packed = nullptr;  // the same interleaved for the kernels (packing.hpp); null: it stays in
                                      // the file, to be packed as it is read or multiplied in floats
  std::string name = {};              // the tensor's in the file, e.g. "blk.0.attn_q.weight"
  std::int64_t slice = 0;             // which expert's, where one tensor holds those of all
};

struct NormWeights {
  std::vector<float> weight;  // empty: this norm does not exist
  std::vector<float> bias;    // empty: none
};

/// One feed-forward network: of a dense layer, or of one expert.
struct FeedForward {
  std::vector<Linear> in;  // rows one after the other: [gate, up], or both fused in one, or [up] alone
  Linear down;
};

struct LayerWeights {
  NormWeights attention_norm;
  std::vector<Linear> query_key_value;  // rows one after the other: fused, or three
  NormWeights query_norm, key_norm;     // [head_dim]
  Linear attention_output;
  NormWeights post_attention_norm;
  NormWeights feed_forward_norm;           // absent in parallel blocks
  Linear router;                           // [embedding, experts]; no weight in dense layers
  std::vector<FeedForward> feed_forwards;  // one, or one per expert
  NormWeights post_feed_forward_norm;
};

struct Weights {
  TensorView token_embedding;  // [embedding, vocabulary]
  std::vector<LayerWeights> layers;
  NormWeights output_norm;
  Linear output;              // [embedding, vocabulary]; the embedding itself where the model ties them
  std::vector<Buffer> owned;  // copies of tensors that do not lie aligned in the file
};

/// Calls visit(matrix) with every matrix that is multiplied by: layer after layer, the output last.
template <class AnyWeights, class Visit>
void for_each_matrix(AnyWeights& weights, Visit&& visit) {
  for (auto& layer : weights.layers) {
    for (auto& part : layer.query_key_value) visit(part);
    visit(layer.attention_output);
    if (layer.router.weight) visit(layer.router);
    for (auto& network : layer.feed_forwards) {
      for (auto& part : network.in) visit(part);
      visit(network.down);
    }
  }
  visit(weights.output);
}

/// Finds every weight that the Spec calls for. Views point into the file, which must stay open.
/// @throws Error(bad_model) naming the tensor that is missing or has another shape, with what was expected
/// and found; Error(unsupported) naming the tensor whose type linnet does not compute with.
Weights load_weights(const gguf::File& file, const Spec& spec);

/// The values of a tensor as floats. @throws as load_weights.
std::vector<float> read_floats(const gguf::Tensor& tensor);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/weights.ipp>
#endif
