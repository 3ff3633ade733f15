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
#include <linnet/kernels/table.hpp>
#include <linnet/model/kv_cache.hpp>
#include <linnet/model/model.hpp>
#include <linnet/model/scratch.hpp>

namespace linnet {

/// For which tokens of an entry logits are wanted.
enum class LogitRows { none, last, all };

/// Tokens that continue one sequence. Their positions are those after the sequence's present end.
struct BatchEntry {
  SequenceId sequence = 0;
  std::span<const Token> tokens;
  LogitRows logits = LogitRows::last;
};

struct EngineOptions {
  int threads = 0;  // 0: what the machine grants, or LINNET_THREADS
  /// Whether logits must not depend on how many tokens are computed at once, to the last bit. Where there are
  /// tile registers (AMX) this does without them: a long prompt then takes three times as long or more.
  /// Elsewhere it is always so, and this changes nothing.
  bool reproducible = false;
  KvCacheOptions cache = {};  // max_batch is the most tokens computed at once; longer entries go in pieces
  std::function<bool()> should_stop = {};  // asked between pieces; true: forward() throws Error(cancelled)
};

/// A model's working memory: key/value cache, scratch and threads, all of fixed size from creation on.
/// Not thread-safe; use one engine per thread of the application, or take turns.
class Engine {
 public:
  /// @throws Error(out_of_memory) naming what did not fit; Error(invalid_argument).
  Engine(std::shared_ptr<const Model> model, const EngineOptions& options);

  const Model& model() const noexcept { return *model_; }
  const KvCache& cache() const noexcept { return cache_; }
  int threads() const noexcept { return team_.size(); }
  std::string_view isa() const noexcept { return kernels_.isa; }
  /// Bytes of the scratch that forward() works in.
  std::int64_t scratch_bytes() const noexcept { return static_cast<std::int64_t>(memory_->buffer.size()); }

  // Sequences: see KvCache for what these promise and throw.
  SequenceId create() { return cache_.create(); }
  SequenceId fork(SequenceId sequence);
  void remove(SequenceId sequence);
  void truncate(SequenceId sequence, std::int64_t length) { cache_.truncate(sequence, length); }
  std::int64_t adopt_prefix(SequenceId sequence, std::span<const Token> tokens);
  std::int64_t length(SequenceId sequence) const { return cache_.length(sequence); }

  /// The rows of logits that forward() writes for a batch.
  static std::int64_t count_logit_rows(std::span<const BatchEntry> batch);

  /// Appends every entry's tokens to its sequence and computes the logits asked for.
  /// @param batch   entries of different sequences.
  /// @param logits  [count_logit_rows(batch), vocabulary], in the order of the batch; overwritten.
  /// @throws Error(invalid_argument) for ids outside the vocabulary, unknown or repeated sequences, or a span
  /// of another size, and Error(context_full) where the cache has no room: before anything is changed.
  /// Error(cancelled): sequences then hold what was computed.
  ///
  /// A sequence of a model with long-context factors that grows past its original context (or shrinks back)
  /// is computed again from its first token, since all its positions rotate differently then.
  ///
  /// Bits of a row depend on its sequence's tokens and the instruction set only: not on threads, nor on what
  /// else is in the batch, nor on how the tokens were divided into calls; the last two with tile registers
  /// only where EngineOptions::reproducible is set.
  void forward(std::span<const BatchEntry> batch, std::span<float> logits);

 private:
  struct Work;
  /// What a forward pass reads and writes beside the cache.
  struct Memory {
    Scratch scratch;
    Buffer buffer;                                // scratch points into it
    std::vector<std::vector<float>> frequencies;  // by 2 * rope + long_factors
  };

  void check(std::span<const BatchEntry> batch, std::span<const float> logits) const;
  void check_room(const std::vector<Work>& works) const;
  bool uses_tiles() const { return kernels_.tiled_from > 0 && !options_.reproducible; }
  bool wants_long_factors(std::int64_t length) const;
  std::vector<Work> plan(std::span<const BatchEntry> batch) const;
  std::int64_t run_piece(std::vector<Work>& works, std::size_t& next, std::int64_t& done, float* logits);

  std::shared_ptr<const Model> model_;
  EngineOptions options_;
  const kernels::Table& kernels_;
  ThreadTeam team_;
  KvCache cache_;
  std::unique_ptr<Memory> memory_;
  bool has_long_factors_ = false;
  std::unordered_map<SequenceId, bool> uses_long_factors_;  // only of sequences of models that have them
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/engine.ipp>
#endif
