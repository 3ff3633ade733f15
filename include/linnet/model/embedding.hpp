// model/embedding.hpp - texts as vectors: their final hidden states, pooled. Never sees a text's letters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/engine.hpp>

namespace linnet {

/// What of a text's hidden states its vector is.
enum class Pooling {
  mean,   // their mean
  last,   // that of the last token, which has seen all others
  first,  // that of the first token; it has seen no other, as the models here look back only
};

struct EmbeddingOptions {
  Pooling pooling = Pooling::mean;
  bool normalize = true;  // to length 1 (L2), so that products of two vectors are cosines
};

/// A vector for each text: the states behind the output norm, pooled. Short texts are computed side by side,
/// as many as the engine's batch and free sequences hold; a vector depends on the others no more than logits
/// do (see Engine::forward()). The engine's sequences are those before when this returns or throws.
/// @return [texts, embedding]
/// @throws Error(invalid_argument) for a text without tokens or ids outside the vocabulary,
/// Error(context_full) for a text longer than the cache: it is named, and nothing was computed.
/// Error(context_full) where no sequence is free; Error(cancelled).
std::vector<float> embed(Engine& engine, std::span<const std::vector<Token>> texts,
                         const EmbeddingOptions& options = {});

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/embedding.ipp>
#endif
