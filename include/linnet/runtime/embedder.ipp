// runtime/embedder.ipp - the body of embedder.hpp.
#pragma once

#include <algorithm>

#include <linnet/model/memory.hpp>
#include <linnet/runtime/embedder.hpp>

namespace linnet {
namespace detail {

inline EngineOptions engine_options(const Model& model, const EmbedderOptions& options) {
  EngineOptions engine = {.threads = options.threads,
                          .cache = {.type = options.cache_type,
                                    .max_sequences = options.side_by_side,
                                    .max_batch = options.max_batch},
                          .memory = options.memory,
                          .should_stop = options.should_stop};
  engine.cache.tokens = choose_context(model, engine, options.context);
  engine.cache.max_batch = std::min(engine.cache.max_batch, engine.cache.tokens);
  return engine;
}

}  // namespace detail

LINNET_INLINE Embedder::Embedder(std::shared_ptr<const Model> model, const EmbedderOptions& options)
    : options_(options), engine_(model, detail::engine_options(*existing(model), options)) {}

LINNET_INLINE std::vector<float> Embedder::embed(std::span<const std::string> texts) {
  std::vector<std::vector<Token>> tokens;
  for (const std::string& text : texts) tokens.push_back(engine_.model().tokenizer().encode(text));
  return embed(tokens);
}

LINNET_INLINE std::vector<float> Embedder::embed(std::span<const std::vector<Token>> texts) {
  return linnet::embed(engine_, texts, options_.embedding);
}

}  // namespace linnet
