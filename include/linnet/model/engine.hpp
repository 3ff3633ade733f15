// model/engine.hpp - runs batches of tokens through a model: the one entry for prefill, decode, many users
// and scoring. Never samples and never sees text.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/adapter.hpp>
#include <linnet/model/kv_cache.hpp>
#include <linnet/model/model.hpp>
#include <linnet/model/observer.hpp>
#include <linnet/model/scratch.hpp>

namespace linnet {

class ForwardPass;

/// For which tokens of an entry logits are wanted.
enum class LogitRows { none, last, all };

/// Tokens that continue one sequence. Their positions are those after the sequence's present end.
struct BatchEntry {
  SequenceId sequence = 0;
  std::span<const Token> tokens;
  LogitRows logits = LogitRows::last;
  /// Tokens that the sequence will hold when all of a text is in that comes in several calls. It matters to
  /// models with long-context factors alone: see Engine::forward(). 0: what this call makes of it.
  std::int64_t final_length = 0;
};

struct EngineOptions {
  int threads = 0;            // at most; 0: what the machine grants, or LINNET_THREADS
  bool every_thread = false;  // use all of them even where they share cores or are held up: for tests
  KvCacheOptions cache = {};  // max_batch is the most tokens computed at once; longer entries go in pieces
  std::int64_t memory =
      0;  // bytes that weights, cache and scratch may take; 0: the model's LoadOptions::memory
  std::function<bool()> should_stop = {};  // asked between pieces; true: forward() throws Error(cancelled)
};

/// A model's working memory: key/value cache, scratch and threads, all of fixed size from creation on.
/// Not thread-safe; use one engine per thread of the application, or take turns.
class Engine {
 public:
  /// @throws Error(out_of_memory) naming what did not fit, before anything is taken where a budget is given
  /// (see check_memory()); Error(invalid_argument).
  Engine(std::shared_ptr<const Model> model, const EngineOptions& options);

  const Model& model() const noexcept { return *model_; }
  const KvCache& cache() const noexcept { return cache_; }
  /// The threads that options asked for. A step uses fewer where that is faster: no more than can run at
  /// once, and not those that other programs hold up (see Attendance).
  int threads() const noexcept { return team_.size(); }
  /// Most tokens computed at once.
  std::int64_t max_batch() const noexcept { return options_.cache.max_batch; }
  /// How many more sequences can be created.
  std::int64_t free_sequences() const noexcept { return options_.cache.max_sequences - cache_.sequences(); }
  std::string_view isa() const noexcept { return kernels_.isa; }
  /// Bytes of the scratch that forward() works in.
  std::int64_t scratch_bytes() const noexcept { return static_cast<std::int64_t>(memory_->buffer.size()); }

  /// The adapters that change something at present.
  std::span<const AdapterUse> adapters() const noexcept { return adapters_.uses(); }

  // Sequences: see KvCache for what these promise and throw.
  SequenceId create() { return cache_.create(); }
  SequenceId fork(SequenceId sequence);
  void remove(SequenceId sequence);
  void truncate(SequenceId sequence, std::int64_t length) { cache_.truncate(sequence, length); }
  std::int64_t adopt_prefix(SequenceId sequence, std::span<const Token> tokens);
  std::int64_t length(SequenceId sequence) const { return cache_.length(sequence); }

  /// Whether a sequence's positions were rotated by the factors for long contexts.
  bool uses_long_factors(SequenceId sequence) const;
  /// Makes a sequence hold tokens that were computed elsewhere, by the same model and adapters; see
  /// KvCache::restore(). @param long_factors  uses_long_factors() of the sequence that they come from
  void restore(SequenceId sequence, std::span<const Token> tokens, bool long_factors,
               const KvCache::FillPage& fill);

  /// From now on tokens are computed with these adapters, in place of those before; none: the model alone,
  /// bit for bit. What sequences hold already stays as it was computed: truncate them to 0 to compute it
  /// again. Cost: none but the memory for a batch's products of rank; no weight is read.
  /// @throws Error(invalid_argument) as ActiveAdapters.
  void set_adapters(std::span<const AdapterUse> adapters);

  /// From now on the inputs of every product are shown to `observer`; an empty one: to nobody.
  void observe_products(ProductObserver observer) { observer_ = std::move(observer); }

  /// Whether engines over this model compute with tile registers.
  static bool uses_tiles(const Model& model) {
    return kernels::active().tiled_from > 0 && !model.is_reproducible();
  }

  /// Bytes in which each thread of an engine over this model packs weights as it reads them; 0 where they are
  /// packed already, or multiplied in float32.
  static std::int64_t panel_bytes(const Model& model);

  /// The rows of logits that forward() writes for a batch.
  static std::int64_t count_logit_rows(std::span<const BatchEntry> batch);

  /// Appends every entry's tokens to its sequence and computes the logits asked for.
  /// @param batch   entries of different sequences.
  /// @param logits  [count_logit_rows(batch), vocabulary], in the order of the batch; overwritten.
  /// @throws Error(invalid_argument) for ids outside the vocabulary, unknown or repeated sequences, or a span
  /// of another size, and Error(context_full) where the cache has no room: before anything is changed.
  /// Error(cancelled): sequences then hold what was computed. One that is computed again (see below) may be
  /// shorter than before the call, or empty.
  ///
  /// A sequence of a model with long-context factors that grows past its original context (or shrinks back)
  /// is computed again from its first token, since all its positions rotate differently then. Rows that were
  /// written before stay as they were; final_length has them right at once.
  ///
  /// Bits of a row depend on its sequence's tokens and the instruction set only: not on threads, nor on what
  /// else is in the batch, nor on how the tokens were divided into calls (but for the factors above); the
  /// last two with tile registers only where LoadOptions::reproducible is set.
  void forward(std::span<const BatchEntry> batch, std::span<float> logits);

  /// As forward(), but where logits are asked for it gives what they are computed from: the hidden states of
  /// the last layer behind the output norm. @param states  [count_logit_rows(batch), embedding]
  void forward_states(std::span<const BatchEntry> batch, std::span<float> states);

 private:
  struct Work;
  enum class Result { logits, states };
  /// What a forward pass reads and writes beside the cache.
  struct Memory {
    Scratch scratch;
    Buffer buffer;                                // scratch points into it
    std::vector<std::vector<float>> frequencies;  // by 2 * rope + long_factors
  };

  std::int64_t row_width(Result result) const {
    return result == Result::logits ? model_->spec().vocabulary : model_->spec().embedding;
  }
  void run(std::span<const BatchEntry> batch, std::span<float> rows, Result result);
  void check(std::span<const BatchEntry> batch, std::span<const float> rows, Result result) const;
  void check_room(const std::vector<Work>& works) const;
  bool wants_long_factors(std::int64_t length) const;
  std::vector<Work> plan(std::span<const BatchEntry> batch) const;
  void run_pass(ForwardPass& pass, std::int64_t tokens);
  std::int64_t run_piece(std::vector<Work>& works, std::size_t& next, std::int64_t& done, float* logits,
                         Result result);

  std::shared_ptr<const Model> model_;
  EngineOptions options_;
  const kernels::Table& kernels_;
  ThreadTeam team_;
  Attendance few_tokens_, many_tokens_;  // what sets the pace differs: memory, or multiplication
  KvCache cache_;
  ActiveAdapters adapters_;
  ProductObserver observer_;
  std::unique_ptr<Memory> memory_;
  bool has_long_factors_ = false;
  std::unordered_map<SequenceId, bool> uses_long_factors_;  // only of sequences of models that have them
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/engine.ipp>
#endif
