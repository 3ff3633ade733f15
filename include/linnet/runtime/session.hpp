// runtime/session.hpp - one conversation with a model: what was said, and what the model says next. Never
// prints.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/model/model.hpp>
#include <linnet/sampling/options.hpp>

namespace linnet {

/// What happens when a generation reaches the end of the context, or a prompt goes beyond it.
enum class Overflow {
  stop,   // a generation ends, with StopReason::context_full; a prompt is refused
  shift,  // the older half of the tokens behind the first `keep` is forgotten, and the rest computed again
};

struct SessionOptions {
  std::int64_t context = 0;  // most tokens; 0: what the model was trained for, at most 4096, and no more than
                             // the memory budget holds
  int threads = 0;           // 0: what the machine grants, or LINNET_THREADS
  DType cache_type = DType::f16;  // f32, f16, bf16, q8_0
  std::int64_t max_batch = 256;  // tokens of a prompt computed at once; more is faster and takes more scratch
  std::int64_t memory =
      0;  // bytes that weights, cache and scratch may take; 0: the model's LoadOptions::memory
  Overflow overflow = Overflow::stop;
  std::int64_t keep = 4;  // tokens that a shift never forgets; all of the context: there is no shift then
  /// Asked between tokens, and between pieces of a long prompt, on the calling thread; true ends the work.
  std::function<bool()> should_stop = {};
};

enum class StopReason { running, end_of_text, stop_text, max_tokens, context_full, cancelled };

/// What a generation took.
struct GenerationStats {
  std::int64_t prompt_tokens = 0, generated_tokens = 0;
  double prefill_seconds = 0;  // to the first token
  double decode_seconds = 0;   // for those after it
  double prefill_rate() const {
    return prefill_seconds > 0 ? static_cast<double>(prompt_tokens) / prefill_seconds : 0;
  }
  double decode_rate() const {
    return decode_seconds > 0 && generated_tokens > 1
               ? static_cast<double>(generated_tokens - 1) / decode_seconds
               : 0;
  }
};

class Session;

/// Text as the model writes it: a range to be walked once. Each step computes one token or more. Owns nothing
/// of the session, which must outlive it and do nothing else meanwhile.
class Generation {
 public:
  Generation(Session& session, std::vector<Token> prompt, const SamplingOptions& options);
  Generation(Generation&&) noexcept;
  ~Generation();

  class Iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(Generation* generation) : generation_(generation) {}
    /// One or more whole UTF-8 characters. Valid until the next step.
    std::string_view operator*() const { return generation_->piece(); }
    Iterator& operator++() {
      generation_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return generation_->done(); }

   private:
    Generation* generation_;
  };

  /// Computes up to the first piece. @throws as Session::append.
  Iterator begin() {
    next();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }

  /// Goes on to the next piece. Returns whether there is one. An exception, one of should_stop included, ends
  /// the generation.
  bool next();
  std::string_view piece() const;
  bool done() const;
  StopReason stop_reason() const;
  /// The tokens generated so far: those of a stop text too, which stay in the session, but not the model's
  /// own end of the text.
  std::span<const Token> tokens() const;
  const GenerationStats& stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One conversation: a sequence of tokens with its cache and scratch. Any thread may use it, one at a time;
/// only cancel() may be called meanwhile.
class Session {
 public:
  /// A context longer than the model was trained for is taken; what it says beyond means little.
  /// @throws Error(out_of_memory), Error(invalid_argument).
  explicit Session(std::shared_ptr<const Model> model, const SessionOptions& options = {});

  const Model& model() const noexcept { return *model_; }
  const Engine& engine() const noexcept { return engine_; }
  std::int64_t context() const noexcept { return context_; }
  /// All tokens so far.
  std::span<const Token> tokens() const noexcept { return tokens_; }
  std::int64_t length() const noexcept { return static_cast<std::int64_t>(tokens_.size()); }

  /// Continues with the model's own sampling defaults, or with these options. The prompt goes after what was
  /// said before; it gets BOS where the model wants it and nothing was said before. Special tokens written in
  /// it count as such. The generated text becomes part of the conversation. @throws Error(context_full) where
  /// the prompt does not fit, before anything changes: behind what was said, or with Overflow::shift behind
  /// what is never forgotten.
  Generation generate(std::string_view prompt) &;
  Generation generate(std::string_view prompt, const SamplingOptions& options) &;
  Generation generate(std::vector<Token> prompt, const SamplingOptions& options) &;
  /// A session without a name is gone before the first token: keep it in a variable.
  Generation generate(auto&&...) && = delete;

  /// Adds tokens, which may be some of tokens(), and computes them. logits() are then those after the last.
  /// @throws Error(invalid_argument) for ids outside the vocabulary, Error(context_full) where they do not
  /// fit: nothing has changed then. Error(cancelled): of the new tokens the session holds those that were
  /// computed.
  void append(std::span<const Token> tokens);
  /// [vocabulary]: what the model expects next. Computes tokens that are still pending. Empty before the
  /// first token.
  std::span<const float> logits();

  /// A second conversation that starts as a copy of this one: same options, adapters and tokens, nothing to
  /// compute again. It has an engine of its own, so that both may go on at once in different threads. Cost:
  /// the keys and values of the tokens so far are copied (tokens x the cache's bytes per token, at the speed
  /// of memory), and memory for a cache and scratch, taken as it is used. Engine::fork() shares pages
  /// instead, within one engine. @throws Error(out_of_memory).
  Session fork() const { return *this; }

  /// Writes the conversation to a file, whole or not at all: tokens, keys and values, last logits. Cost: one
  /// write of about the bytes that the cache uses. @throws Error(io).
  void save(const std::filesystem::path& path) const;
  /// Goes on where the session of a file was saved, in place of what was said here; nothing is computed
  /// again. Its context may have another length. @throws Error: invalid_argument for a session of another
  /// model, of other adapters (set them first) or of another type of cache; context_full where its tokens do
  /// not fit; io, magic, version, truncated or bad_model for a file that is damaged or no session. Nothing
  /// has changed then.
  void load(const std::filesystem::path& path);

  /// Forgets the tokens from `length` on. Models with windows may have to compute what is left again.
  /// @throws Error(invalid_argument) unless 0 <= length <= length().
  void truncate(std::int64_t length);

  /// From now on the model speaks with these adapters, in place of those before; none: the model alone, bit
  /// for bit. The tokens so far stay, and are computed again with them when next needed: the cost is one
  /// prefill of the conversation; nothing is reloaded. @throws Error(invalid_argument) for an adapter of
  /// another model: nothing has changed then.
  void set_adapters(std::span<const AdapterUse> adapters);

  /// Ends the generation, append() or logits() that is running, after its present token or piece; a
  /// generation that has not computed anything yet before it does. From any thread.
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }

 private:
  friend class Generation;

  Session(const Session& other);  // see fork()

  bool is_cancelled() const;
  std::int64_t kept() const;  // of what was said, where a prompt needs the rest of the context
  void check_fits(std::int64_t tokens) const;
  void extend(std::span<const Token> tokens);
  std::span<const float> compute_logits();
  void compute_pending();
  void shift();
  /// Adds a token that will be computed with the next.
  void push(Token token) { tokens_.push_back(token); }

  std::shared_ptr<const Model> model_;
  SessionOptions options_;
  std::atomic<bool> cancelled_ = false;
  Engine engine_;
  std::int64_t context_;
  SequenceId sequence_;
  std::vector<Token> tokens_;  // those of the engine's sequence, then those that are pending
  std::vector<float> logits_;  // after the engine's last token
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/runtime/session.ipp>
#endif
