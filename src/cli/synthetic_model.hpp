// cli/synthetic_model.hpp - the directory of a model with a real shape: keys, vocabulary, tensors. Never
// holds weights.
#pragma once

#include <cstdint>

#include <linnet/gguf/writer.hpp>
#include <linnet/quant/mix.hpp>

#include "shapes.hpp"

namespace linnet::cli {

/// Everything of a GGUF file but the tensors' data: a model that linnet loads, with a made-up vocabulary of
/// the real size that encodes every text.
gguf::Writer synthetic_model(const ModelShape& shape, const quant::Mix& mix);

/// Llama 3.2's factors by which RoPE's frequencies are divided: [head_dim / 2].
std::vector<float> llama3_rope_factors(const ModelShape& shape);

/// Adds tokenizer.ggml.* for `size` tokens.
void add_synthetic_vocabulary(gguf::Metadata& metadata, std::int64_t size, bool byte_level);

}  // namespace linnet::cli
