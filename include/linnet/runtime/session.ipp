// runtime/session.ipp - the body of session.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/model/memory.hpp>
#include <linnet/runtime/session.hpp>
#include <linnet/runtime/session_file.hpp>
#include <linnet/runtime/stop_texts.hpp>
#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>
#include <linnet/text/stream_detokenizer.hpp>

namespace linnet {
namespace detail {

/// The engine of a session; what it asks between pieces comes later.
inline EngineOptions engine_options(const Model& model, const SessionOptions& options) {
  EngineOptions engine = {
      .threads = options.threads,
      .cache = {.type = options.cache_type, .max_sequences = 1, .max_batch = options.max_batch},
      .memory = options.memory};
  engine.cache.tokens = choose_context(model, engine, options.context);
  engine.cache.max_batch = std::min(engine.cache.max_batch, engine.cache.tokens);
  return engine;
}

}  // namespace detail

LINNET_INLINE Session::Session(std::shared_ptr<const Model> model, const SessionOptions& options)
    : model_(existing(std::move(model))),
      options_(options),
      engine_(model_,
              [&] {
                EngineOptions engine = detail::engine_options(*model_, options);
                engine.should_stop = [this] { return is_cancelled(); };
                return engine;
              }()),
      context_(engine_.cache().capacity()),
      sequence_(engine_.create()) {}

LINNET_INLINE Session::Session(const Session& other)
    : Session(other.model_, [&other] {
        SessionOptions options = other.options_;
        options.context = other.context_;
        return options;
      }()) {
  engine_.set_adapters(other.engine_.adapters());
  const auto computed = static_cast<std::size_t>(other.engine_.length(other.sequence_));
  engine_.restore(sequence_, std::span(other.tokens_).first(computed),
                  other.engine_.uses_long_factors(other.sequence_),
                  [&](std::int64_t layer, std::int64_t page, std::span<std::byte> bytes) {
                    const auto from = other.engine_.cache().keys_and_values(other.sequence_, layer, page);
                    std::copy(from.begin(), from.end(), bytes.begin());
                  });
  tokens_ = other.tokens_;
  logits_ = other.logits_;
}

LINNET_INLINE void Session::save(const std::filesystem::path& path) const {
  const std::int64_t computed = engine_.length(sequence_);
  write_session(path,
                {.tokens = tokens_,
                 .computed = computed,
                 .logits = computed == length() ? logits_ : std::vector<float>(),
                 .long_factors = engine_.uses_long_factors(sequence_)},
                engine_, sequence_);
}

LINNET_INLINE void Session::load(const std::filesystem::path& path) {
  const SessionFile file(path, engine_);
  const SessionState& state = file.state();
  if (static_cast<std::int64_t>(state.tokens.size()) > context_)
    fail(ErrorCode::context_full, "the saved session holds ", state.tokens.size(),
         " tokens and does not fit into a context of ", context_, "; use a larger context");
  std::vector<Token> tokens = state.tokens;
  std::vector<float> logits = state.logits;
  engine_.restore(sequence_, std::span(tokens).first(static_cast<std::size_t>(state.computed)),
                  state.long_factors, [&](std::int64_t layer, std::int64_t page, std::span<std::byte> bytes) {
                    const auto from = file.keys_and_values(layer, page);
                    std::copy(from.begin(), from.end(), bytes.begin());
                  });
  tokens_ = std::move(tokens);
  logits_ = std::move(logits);
}

LINNET_INLINE bool Session::is_cancelled() const {
  return cancelled_.load(std::memory_order_relaxed) || (options_.should_stop && options_.should_stop());
}

LINNET_INLINE std::int64_t Session::kept() const {
  return options_.overflow == Overflow::stop ? length()
                                             : std::clamp<std::int64_t>(options_.keep, 0, length());
}

LINNET_INLINE void Session::check_fits(std::int64_t tokens) const {
  if (tokens > context_ - kept())
    fail(ErrorCode::context_full, "the prompt does not fit: ", tokens, " tokens after ", kept(),
         " in a context of ", context_,
         "; shorten it, forget what was said (truncate), or use a larger context");
}

LINNET_INLINE void Session::append(std::span<const Token> tokens) {
  cancelled_.store(false, std::memory_order_relaxed);        // what was meant for work that has ended
  extend(std::vector<Token>(tokens.begin(), tokens.end()));  // they may be tokens(), which are about to move
}

LINNET_INLINE void Session::extend(std::span<const Token> tokens) {
  for (Token token : tokens)
    if (token < 0 || token >= model_->spec().vocabulary)
      fail(ErrorCode::invalid_argument, "token ", token, " is outside the vocabulary of ",
           model_->spec().vocabulary);
  const auto count = static_cast<std::int64_t>(tokens.size());
  check_fits(count);
  while (count > context_ - length()) shift();
  const std::int64_t before = length();
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  try {
    compute_pending();
  } catch (...) {
    tokens_.resize(static_cast<std::size_t>(std::max(before, engine_.length(sequence_))));
    logits_.clear();
    throw;
  }
}

LINNET_INLINE void Session::compute_pending() {
  const auto computed = static_cast<std::size_t>(engine_.length(sequence_));
  if (computed == tokens_.size()) return;
  logits_.resize(static_cast<std::size_t>(model_->spec().vocabulary));
  const BatchEntry entry{sequence_, std::span(tokens_).subspan(computed), LogitRows::last};
  engine_.forward({&entry, 1}, logits_);
}

LINNET_INLINE std::span<const float> Session::logits() {
  cancelled_.store(false, std::memory_order_relaxed);
  return compute_logits();
}

LINNET_INLINE std::span<const float> Session::compute_logits() {
  if (logits_.empty() && !tokens_.empty()) {
    // What was computed has lost its logits (a truncation): the last token gives them again.
    const std::int64_t last = length() - 1;
    const bool again = last < engine_.cache().earliest_truncation(sequence_);
    if (engine_.length(sequence_) > last) engine_.truncate(sequence_, again ? 0 : last);
  }
  compute_pending();
  return logits_;
}

LINNET_INLINE void Session::truncate(std::int64_t length) {
  if (length < 0 || length > this->length())
    fail(ErrorCode::invalid_argument, "truncate: expected a length of 0 to ", this->length(), ", got ",
         length);
  if (length == this->length()) return;
  tokens_.resize(static_cast<std::size_t>(length));
  logits_.clear();
  if (length >= engine_.length(sequence_)) return;
  engine_.truncate(sequence_, length < engine_.cache().earliest_truncation(sequence_) ? 0 : length);
}

LINNET_INLINE void Session::set_adapters(std::span<const AdapterUse> adapters) {
  engine_.set_adapters(adapters);
  engine_.truncate(sequence_, 0);
  logits_.clear();
}

/// Makes room by forgetting the older half of what may be forgotten. Positions move, so what is behind the
/// gap is computed again. @pre kept() < length()
LINNET_INLINE void Session::shift() {
  const std::int64_t keep = kept();
  const std::int64_t dropped = std::max<std::int64_t>(1, (length() - keep) / 2);
  std::vector<Token> rest(tokens_.begin() + keep + dropped, tokens_.end());
  truncate(keep);
  tokens_.insert(tokens_.end(), rest.begin(), rest.end());
}

LINNET_INLINE Generation Session::generate(std::string_view prompt) & {
  return generate(prompt, sampling_defaults(model_->file().metadata()));
}

LINNET_INLINE Generation Session::generate(std::string_view prompt, const SamplingOptions& options) & {
  return generate(model_->tokenizer().encode(prompt, {.add_special = tokens_.empty(), .goes_on = true}),
                  options);
}

LINNET_INLINE Generation Session::generate(std::vector<Token> prompt, const SamplingOptions& options) & {
  check_fits(static_cast<std::int64_t>(prompt.size()));
  check_recommendations(model_->file().metadata(), options);
  if (prompt.empty() && tokens_.empty())
    fail(ErrorCode::invalid_argument,
         "the prompt is empty, and the model adds no token of its own; write something");
  return Generation(*this, std::move(prompt), options);
}

struct Generation::State {
  using Clock = std::chrono::steady_clock;

  Session& session;
  SamplingOptions options;
  std::vector<Token> prompt;
  Sampler sampler;
  StreamDetokenizer detokenizer;
  StopTexts stop_texts;
  std::string piece;
  std::vector<Token> tokens;
  GenerationStats stats;
  StopReason reason = StopReason::running;
  bool started = false;

  State(Session& s, std::vector<Token> p, const SamplingOptions& o)
      : session(s),
        options(o),
        prompt(std::move(p)),
        sampler(o, s.model().spec().vocabulary, token_text(s.model())),
        detokenizer(s.model().tokenizer(), {.continues = true}),
        stop_texts(o.stop) {
    stats.prompt_tokens = static_cast<std::int64_t>(prompt.size());
  }

  static TokenText token_text(const Model& model) {
    return [&model](Token token) { return model.tokenizer().piece(token); };
  }

  void start();
  std::optional<Token> choose();
  void step();
  void finish();
};

LINNET_INLINE void Generation::State::start() {
  session.extend(prompt);
  sampler.accept(session.tokens());
  started = true;
}

/// The next token, or none where the generation has ended.
LINNET_INLINE std::optional<Token> Generation::State::choose() {
  if (options.max_tokens >= 0 && static_cast<std::int64_t>(tokens.size()) >= options.max_tokens) {
    reason = StopReason::max_tokens;
    return std::nullopt;
  }
  if (session.is_cancelled()) {
    reason = StopReason::cancelled;
    return std::nullopt;
  }
  const Token token = sampler.sample(session.compute_logits());
  if (session.model().tokenizer().vocabulary().is_end_of_generation(token)) {
    reason = StopReason::end_of_text;
    return std::nullopt;
  }
  if (session.length() == session.context()) {
    if (session.kept() == session.length()) {
      reason = StopReason::context_full;
      return std::nullopt;
    }
    session.shift();
  }
  session.push(token);
  sampler.accept(token);
  tokens.push_back(token);
  return token;
}

/// Computes one token, or the end, and what can be given out then.
LINNET_INLINE void Generation::State::step() {
  const Clock::time_point since = Clock::now();
  const bool is_first = !started;
  if (is_first) start();
  const std::optional<Token> token = choose();
  (is_first ? stats.prefill_seconds : stats.decode_seconds) +=
      std::chrono::duration<double>(Clock::now() - since).count();
  stats.generated_tokens = static_cast<std::int64_t>(tokens.size());
  if (!token) return finish();
  piece += stop_texts.push(detokenizer.push(*token));
  if (stop_texts.matched()) reason = StopReason::stop_text;
}

/// Gives out what was held back.
LINNET_INLINE void Generation::State::finish() {
  piece += stop_texts.push(detokenizer.finish());
  if (stop_texts.matched()) reason = StopReason::stop_text;
  piece += stop_texts.finish();
}

LINNET_INLINE Generation::Generation(Session& session, std::vector<Token> prompt,
                                     const SamplingOptions& options)
    : state_(std::make_unique<State>(session, std::move(prompt), options)) {
  session.cancelled_.store(false, std::memory_order_relaxed);  // as in append()
}
LINNET_INLINE Generation::Generation(Generation&&) noexcept = default;
LINNET_INLINE Generation::~Generation() = default;

LINNET_INLINE bool Generation::next() {
  State& s = *state_;
  s.piece.clear();
  if (s.reason != StopReason::running) return false;
  try {
    while (s.piece.empty() && s.reason == StopReason::running) s.step();
  } catch (const Error& error) {
    s.reason = StopReason::cancelled;
    if (error.code() != ErrorCode::cancelled) throw;
    s.finish();
  } catch (...) {
    s.reason = StopReason::cancelled;
    throw;
  }
  return !s.piece.empty();
}

LINNET_INLINE std::string_view Generation::piece() const { return state_->piece; }
LINNET_INLINE bool Generation::done() const {
  return state_->reason != StopReason::running && state_->piece.empty();
}
LINNET_INLINE StopReason Generation::stop_reason() const { return state_->reason; }
LINNET_INLINE std::span<const Token> Generation::tokens() const { return state_->tokens; }
LINNET_INLINE const GenerationStats& Generation::stats() const { return state_->stats; }

}  // namespace linnet
