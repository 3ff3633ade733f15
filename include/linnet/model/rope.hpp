// model/rope.hpp - angles of rotary position embeddings: frequencies once, cosines and sines per step. Never
// rotates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/spec.hpp>

namespace linnet {

/// The frequency of every pair, [dims / 2], in the rounding of the reference implementation (float).
/// @param long_text  whether long_factors apply.
/// Source: Su et al., RoFormer, 2021; Peng et al., YaRN, 2023; Hugging Face Transformers,
/// modeling_rope_utils.
std::vector<float> rope_frequencies(const RopeSpec& rope, bool long_text);

/// cosine[i] and sine[i] of position * frequencies[i], times magnitude. All spans [dims / 2].
void rope_angles(std::span<const float> frequencies, float magnitude, std::int64_t position, float* cosine,
                 float* sine);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/rope.ipp>
#endif
