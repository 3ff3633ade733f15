// model/engine.ipp - the body of engine.hpp: checks, the division into pieces, and rollback.
#pragma once

#include <algorithm>
#include <set>
#include <string>

#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/model/forward.hpp>
#include <linnet/model/memory.hpp>
#include <linnet/model/rope.hpp>

namespace linnet {

/// What one entry still has to do, as forward() goes through the batch in pieces.
struct Engine::Work {
  SequenceId sequence;
  std::vector<Token> tokens;
  std::int64_t first_logits;  // index of the first token whose logits are wanted
  bool long_factors;
  bool start_over;  // the sequence's present positions were rotated with other factors
};

LINNET_INLINE Engine::Engine(std::shared_ptr<const Model> model, const EngineOptions& options)
    : model_(existing(std::move(model))),
      options_((check_memory(*model_, options), options)),
      kernels_(kernels::active()),
      team_(resolve_thread_count(options.threads)),
      few_tokens_(options.every_thread ? team_.size() : std::min(team_.size(), granted_thread_count())),
      many_tokens_(few_tokens_),
      cache_(model_->spec(), options.cache),
      memory_(std::make_unique<Memory>()) {
  const Spec& spec = model_->spec();
  Scratch& scratch = memory_->scratch;
  const auto lay_out = [&](std::byte* base) {
    scratch = {};
    return scratch.lay_out(spec, options.cache.max_batch, team_.size(), cache_.row_length(),
                           uses_tiles(*model_), panel_bytes(*model_), base);
  };
  memory_->buffer = Buffer(lay_out(nullptr));
  lay_out(memory_->buffer.data());
  for (const RopeSpec& rope : spec.ropes) {
    has_long_factors_ = has_long_factors_ || !rope.long_factors.empty();
    for (bool long_text : {false, true}) memory_->frequencies.push_back(rope_frequencies(rope, long_text));
  }
}

LINNET_INLINE std::int64_t Engine::panel_bytes(const Model& model) {
  const bool as_read = model.weight_bytes() == 0 && !model.is_float32();
  return as_read ? bytes_of_panel(model.weights(), kernels::active()) : 0;
}

LINNET_INLINE SequenceId Engine::fork(SequenceId sequence) {
  const SequenceId copy = cache_.fork(sequence);
  if (const auto found = uses_long_factors_.find(sequence); found != uses_long_factors_.end())
    uses_long_factors_[copy] = found->second;
  return copy;
}

LINNET_INLINE void Engine::remove(SequenceId sequence) {
  cache_.remove(sequence);
  uses_long_factors_.erase(sequence);
}

LINNET_INLINE std::int64_t Engine::adopt_prefix(SequenceId sequence, std::span<const Token> tokens) {
  // The same tokens have other keys in a longer text where long-context factors apply: nothing can be shared.
  return has_long_factors_ ? cache_.length(sequence) : cache_.adopt_prefix(sequence, tokens);
}

LINNET_INLINE bool Engine::uses_long_factors(SequenceId sequence) const {
  const auto found = uses_long_factors_.find(sequence);
  return found != uses_long_factors_.end() && found->second;
}

LINNET_INLINE void Engine::restore(SequenceId sequence, std::span<const Token> tokens, bool long_factors,
                                   const KvCache::FillPage& fill) {
  cache_.restore(sequence, tokens, fill);
  if (has_long_factors_) uses_long_factors_[sequence] = long_factors;
}

LINNET_INLINE void Engine::set_adapters(std::span<const AdapterUse> adapters) {
  adapters_ = ActiveAdapters(adapters, *model_, options_.cache.max_batch);
  cache_.forget_prefixes();
}

LINNET_INLINE std::int64_t Engine::count_logit_rows(std::span<const BatchEntry> batch) {
  std::int64_t rows = 0;
  for (const BatchEntry& entry : batch) {
    if (entry.logits == LogitRows::all) rows += static_cast<std::int64_t>(entry.tokens.size());
    if (entry.logits == LogitRows::last && !entry.tokens.empty()) ++rows;
  }
  return rows;
}

LINNET_INLINE void Engine::check(std::span<const BatchEntry> batch, std::span<const float> rows,
                                 Result result) const {
  const std::int64_t vocabulary = model_->spec().vocabulary;
  std::set<SequenceId> seen;
  for (const BatchEntry& entry : batch) {
    cache_.length(entry.sequence);  // throws for an unknown one
    if (!seen.insert(entry.sequence).second)
      fail(ErrorCode::invalid_argument, "forward: sequence ", entry.sequence, " occurs twice in the batch");
    for (Token token : entry.tokens)
      if (token < 0 || token >= vocabulary)
        fail(ErrorCode::invalid_argument, "forward: token ", token, " is outside the vocabulary of ",
             vocabulary);
  }
  const std::int64_t expected = count_logit_rows(batch) * row_width(result);
  if (static_cast<std::int64_t>(rows.size()) != expected)
    fail(ErrorCode::invalid_argument, "forward: expected room for ", expected, " values, got ", rows.size());
}

LINNET_INLINE bool Engine::wants_long_factors(std::int64_t length) const {
  return has_long_factors_ && length > model_->spec().ropes[0].original_context;
}

LINNET_INLINE std::vector<Engine::Work> Engine::plan(std::span<const BatchEntry> batch) const {
  std::vector<Work> works;
  for (const BatchEntry& entry : batch) {
    if (entry.tokens.empty()) continue;
    const auto added = static_cast<std::int64_t>(entry.tokens.size());
    const std::int64_t length = cache_.length(entry.sequence);
    const auto used = uses_long_factors_.find(entry.sequence);
    Work work{.sequence = entry.sequence,
              .tokens = {},
              .first_logits = entry.logits == LogitRows::all    ? 0
                              : entry.logits == LogitRows::last ? added - 1
                                                                : added,
              .long_factors = wants_long_factors(std::max(length + added, entry.final_length)),
              .start_over = false};
    work.start_over = length > 0 && used != uses_long_factors_.end() && used->second != work.long_factors;
    if (work.start_over) {
      const auto before = cache_.tokens(entry.sequence);
      work.tokens.assign(before.begin(), before.end());
      work.first_logits += length;
    }
    work.tokens.insert(work.tokens.end(), entry.tokens.begin(), entry.tokens.end());
    works.push_back(std::move(work));
  }
  return works;
}

LINNET_INLINE void Engine::check_room(const std::vector<Work>& works) const {
  std::vector<KvCache::Growth> growths;
  for (const Work& work : works)
    growths.push_back({work.sequence, static_cast<std::int64_t>(work.tokens.size()), work.start_over});
  if (!cache_.has_room(growths))
    fail(ErrorCode::context_full, "the key/value cache of ", cache_.capacity(),
         " tokens has no room for this batch; use a larger context, or remove sequences");
}

LINNET_INLINE void Engine::forward(std::span<const BatchEntry> batch, std::span<float> logits) {
  run(batch, logits, Result::logits);
}

LINNET_INLINE void Engine::forward_states(std::span<const BatchEntry> batch, std::span<float> states) {
  run(batch, states, Result::states);
}

LINNET_INLINE void Engine::run(std::span<const BatchEntry> batch, std::span<float> rows, Result result) {
  check(batch, rows, result);
  std::vector<Work> works = plan(batch);
  check_room(works);
  for (const Work& work : works) {
    if (work.start_over) cache_.truncate(work.sequence, 0);
    if (has_long_factors_) uses_long_factors_[work.sequence] = work.long_factors;
  }
  std::size_t next = 0;   // work
  std::int64_t done = 0;  // tokens of it
  float* row = rows.data();
  while (next < works.size()) {
    if (options_.should_stop && options_.should_stop()) fail(ErrorCode::cancelled, "stopped on request");
    row += run_piece(works, next, done, row, result) * row_width(result);
  }
}

LINNET_INLINE void Engine::run_pass(ForwardPass& pass, std::int64_t tokens) {
  const auto job = [&](ThreadTeam::Member& member) { pass.run(member); };
  if (options_.every_thread) return team_.run(job);
  constexpr std::int64_t few = 4;  // up to here a step takes the time of reading the weights
  if (tokens <= few) return team_.run(few_tokens_, 1, job);
  team_.run(many_tokens_, static_cast<double>(tokens), job);
}

/// Computes as many tokens as one pass takes, and moves (next, done) past them. Returns the rows of logits
/// written.
LINNET_INLINE std::int64_t Engine::run_piece(std::vector<Work>& works, std::size_t& next, std::int64_t& done,
                                             float* logits, Result result) {
  std::vector<BatchRow> rows;
  std::vector<std::vector<std::byte*>> pages;            // by sequence of the piece, then group
  std::vector<std::vector<std::byte* const*>> by_group;  // what rows point to
  std::vector<SequenceId> sequences;
  const auto groups = static_cast<std::size_t>(cache_.groups());
  pages.reserve(works.size() * groups);
  by_group.reserve(works.size());
  std::int64_t room = options_.cache.max_batch, wanted = 0;
  while (room > 0 && next < works.size()) {
    const Work& work = works[next];
    const std::int64_t count = std::min(room, static_cast<std::int64_t>(work.tokens.size()) - done);
    const std::int64_t position = cache_.length(work.sequence);
    cache_.append(work.sequence, {work.tokens.data() + done, static_cast<std::size_t>(count)});
    sequences.push_back(work.sequence);
    std::vector<std::byte* const*>& groups_of = by_group.emplace_back();
    for (int g = 0; g < cache_.groups(); ++g)
      groups_of.push_back(pages.emplace_back(cache_.pages(work.sequence, g)).data());
    for (std::int64_t i = done; i < done + count; ++i) {
      const bool wants = i >= work.first_logits;
      wanted += wants;
      rows.push_back({work.tokens[static_cast<std::size_t>(i)], position + i - done, groups_of.data(),
                      work.long_factors, wants});
    }
    room -= count;
    done += count;
    if (done == static_cast<std::int64_t>(work.tokens.size())) ++next, done = 0;
  }
  // Beside packed weights only rows of the embedding are read from the file.
  const gguf::File* const file = model_->weights().output.packed ? &model_->file() : nullptr;
  ForwardPass pass(
      {model_->spec(), model_->weights(), kernels_, cache_, memory_->frequencies, adapters_, observer_, file},
      memory_->scratch, rows, logits, result == Result::states);
  run_pass(pass, static_cast<std::int64_t>(rows.size()));
  for (SequenceId sequence : sequences) cache_.commit(sequence);
  return wanted;
}

}  // namespace linnet
