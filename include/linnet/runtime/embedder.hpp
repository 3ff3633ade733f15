// runtime/embedder.hpp - makes vectors of texts. Never compares them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/embedding.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/model/model.hpp>

namespace linnet {

struct EmbedderOptions {
  EmbeddingOptions embedding = {};  // pooling, and whether vectors have length 1
  std::int64_t context = 0;  // tokens of the longest text; 0: what the model was trained for, at most 4096
  int threads = 0;           // 0: what the machine grants, or LINNET_THREADS
  DType cache_type = DType::f16;   // f32, f16, bf16, q8_0
  std::int64_t max_batch = 512;    // tokens computed at once
  std::int64_t side_by_side = 64;  // most texts computed at once
  std::int64_t memory = 0;         // bytes; see SessionOptions
  /// Asked between pieces of the work, on the calling thread; true ends it.
  std::function<bool()> should_stop = {};
};

/// A model that reads texts and keeps none. Any thread may use it, one at a time.
class Embedder {
 public:
  /// @throws Error(out_of_memory), Error(invalid_argument).
  explicit Embedder(std::shared_ptr<const Model> model, const EmbedderOptions& options = {});

  const Engine& engine() const noexcept { return engine_; }
  /// Values of a vector.
  std::int64_t width() const noexcept { return engine_.model().spec().embedding; }
  /// From now on with these adapters; see Engine::set_adapters().
  void set_adapters(std::span<const AdapterUse> adapters) { engine_.set_adapters(adapters); }

  /// A vector for each text, which gets BOS and EOS where the model wants them.
  /// @return [texts, width()]  @throws as linnet::embed().
  std::vector<float> embed(std::span<const std::string> texts);
  /// The same of tokens.
  std::vector<float> embed(std::span<const std::vector<Token>> texts);

 private:
  EmbedderOptions options_;
  Engine engine_;
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/runtime/embedder.ipp>
#endif
