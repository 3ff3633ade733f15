// batch.cpp - many prompts through one engine, each going on as soon as there is a place. Never reorders the
// answers.
#include <pybind11/stl.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include <linnet/model/engine.hpp>
#include <linnet/model/memory.hpp>
#include <linnet/runtime/stop_texts.hpp>
#include <linnet/sampling/defaults.hpp>
#include <linnet/sampling/sampler.hpp>
#include <linnet/text/stream_detokenizer.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "sampling.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

/// A prompt that has a place in the batch.
struct Row {
  std::string* text;  // what was generated so far
  SequenceId sequence;
  std::vector<Token> next;  // to be computed
  std::int64_t room;        // tokens that it may still generate
  Sampler sampler;
  StreamDetokenizer detokenizer;
  StopTexts stop_texts;
};

class Batch {
 public:
  Batch(const LoadedModel& model, const std::vector<std::vector<Token>>& prompts,
        const SamplingOptions& options, const EngineOptions& engine, std::int64_t context)
      : model_(*model.model),
        prompts_(prompts),
        options_(options),
        context_(context),
        rows_(engine.cache.max_sequences),
        texts_(prompts.size()),
        engine_(model.model, engine) {
    if (!model.adapters.empty()) engine_.set_adapters(model.adapters);
  }

  std::vector<std::string> run() {
    while (admit()) {
      compute();
      choose();
    }
    return std::move(texts_);
  }

 private:
  /// Fills free places with the next prompts. Returns whether there is anything to do.
  bool admit() {
    while (static_cast<std::int64_t>(active_.size()) < rows_ && admitted_ < prompts_.size()) {
      const std::vector<Token>& prompt = prompts_[admitted_];
      const std::int64_t left = context_ - static_cast<std::int64_t>(prompt.size());
      active_.push_back({&texts_[admitted_++], engine_.create(), prompt,
                         options_.max_tokens < 0 ? left : std::min(left, options_.max_tokens),
                         Sampler(options_, model_.spec().vocabulary,
                                 [this](Token token) { return model_.tokenizer().piece(token); }),
                         StreamDetokenizer(model_.tokenizer(), {.continues = true}),
                         StopTexts(options_.stop)});
      active_.back().sampler.accept(prompt);
    }
    return !active_.empty();
  }

  /// One step of every row: what its sequence lacks, and the logits after it.
  void compute() {
    std::vector<BatchEntry> entries;
    for (const Row& row : active_) entries.push_back({row.sequence, row.next, LogitRows::last});
    logits_.resize(active_.size() * static_cast<std::size_t>(model_.spec().vocabulary));
    engine_.forward(entries, logits_);
  }

  void choose() {
    const auto vocabulary = static_cast<std::size_t>(model_.spec().vocabulary);
    std::size_t i = 0;
    std::erase_if(active_, [&](Row& row) {
      const bool goes_on = extend(row, std::span(logits_).subspan(vocabulary * i++, vocabulary));
      if (goes_on) return false;
      if (!row.stop_texts.matched()) *row.text += row.stop_texts.push(row.detokenizer.finish());
      *row.text += row.stop_texts.finish();
      engine_.remove(row.sequence);
      return true;
    });
  }

  /// Gives a row its next token. False where its text has ended.
  bool extend(Row& row, std::span<const float> logits) const {
    if (row.room-- <= 0) return false;
    const Token token = row.sampler.sample(logits);
    if (model_.tokenizer().vocabulary().is_end_of_generation(token)) return false;
    row.sampler.accept(token);
    row.next.assign(1, token);
    *row.text += row.stop_texts.push(row.detokenizer.push(token));
    return !row.stop_texts.matched() && row.room > 0;
  }

  const Model& model_;
  const std::vector<std::vector<Token>>& prompts_;
  const SamplingOptions& options_;
  std::int64_t context_, rows_;
  std::vector<std::string> texts_;
  Engine engine_;
  std::size_t admitted_ = 0;
  std::deque<Row> active_;
  std::vector<float> logits_;
};

/// The longest that a prompt and its answer can become. @throws Error naming a prompt that is too long
/// (context_full), empty or outside the vocabulary, before anything is computed.
std::int64_t needed_context(const std::vector<std::vector<Token>>& prompts, std::int64_t vocabulary,
                            std::int64_t max_tokens, std::int64_t limit) {
  std::int64_t longest = 1;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto length = static_cast<std::int64_t>(prompts[i].size());
    if (length == 0)
      fail(ErrorCode::invalid_argument, "prompt ", i, " is empty, and the model adds no token of its own");
    if (length > limit)
      fail(ErrorCode::context_full, "prompt ", i, " does not fit: ", length, " tokens in a context of ",
           limit, "; shorten it or use a larger context");
    for (const Token token : prompts[i])
      if (token < 0 || token >= vocabulary)
        fail(ErrorCode::invalid_argument, "prompt ", i, ": token ", token, " is outside the vocabulary of ",
             vocabulary);
    longest = std::max(longest, length);
  }
  return max_tokens < 0 || max_tokens > limit - longest ? limit : longest + max_tokens;
}

/// An engine for so many prompts at once, each with its answer of at most `context` tokens.
EngineOptions engine_options(std::int64_t rows, std::int64_t context, int threads, DType cache_type) {
  constexpr std::int64_t page = KvCache::page_length;
  const std::int64_t most = std::max<std::int64_t>(256, rows);
  return {.threads = threads,
          .cache = {.type = cache_type,
                    .tokens = rows * ((context + page - 1) / page * page),
                    .max_sequences = rows,
                    .max_batch = std::clamp<std::int64_t>(context, rows, most)},
          .should_stop = is_interrupted};
}

/// The same, where the memory budget holds it. If `may_shrink`, for as many prompts as fit: rows, or a half
/// of them, a quarter, ... @throws Error(out_of_memory) in the words of batch_generate's arguments.
EngineOptions fit_engine(const Model& model, std::int64_t rows, std::int64_t context, int threads,
                         DType cache_type, bool may_shrink) {
  for (;; rows /= 2) {
    EngineOptions options = engine_options(rows, context, threads, cache_type);
    const std::int64_t budget = memory_budget(model, options);
    const std::int64_t needed = budget == 0 ? 0 : measure_memory(model, options).total();
    if (needed <= budget) return options;
    if (may_shrink && rows > 1) continue;
    fail(ErrorCode::out_of_memory, "batch_size ", rows, " with ", context,
         " tokens of each prompt and its answer needs ", (needed >> 20) + 1, " MiB of memory and may take ",
         budget >> 20, " MiB",
         rows > 1 ? "; lower batch_size, max_tokens or context" : "; lower max_tokens or context",
         cache_type == DType::q8_0 ? "" : ", or open the model with kv_type=\"q8_0\"");
  }
}

std::vector<py::str> batch_generate(const LoadedModel& self, const std::vector<py::object>& prompts,
                                    const py::dict& settings, const py::object& batch_size,
                                    const py::object& context, const py::object& threads,
                                    const std::string& kv_type) {
  const gguf::Metadata& metadata = self.model->file().metadata();
  const SamplingOptions options = read_sampling(settings, sampling_defaults(metadata));
  check_recommendations(metadata, options);
  std::vector<std::vector<Token>> tokens;
  for (const py::object& prompt : prompts) tokens.push_back(to_tokens(prompt));
  if (tokens.empty()) return {};
  const std::int64_t asked = to_integer(context, "context", 0, std::numeric_limits<std::int32_t>::max());
  const std::int64_t limit = asked > 0 ? asked : std::max<std::int64_t>(self.model->spec().context, 1);
  const std::int64_t longest =
      needed_context(tokens, self.model->spec().vocabulary, options.max_tokens, limit);
  const bool may_shrink = batch_size.is_none();
  const std::int64_t most = may_shrink ? 32 : to_integer(batch_size, "batch_size", 1, 4096);
  const std::int64_t rows = std::min(most, static_cast<std::int64_t>(tokens.size()));
  const int team = static_cast<int>(to_integer(threads, "threads", 0, 1024));
  const DType cache_type = to_cache_type(kv_type);
  std::vector<std::string> texts;
  run_unlocked([&] {
    const EngineOptions engine = fit_engine(*self.model, rows, longest, team, cache_type, may_shrink);
    texts = Batch(self, tokens, options, engine, longest).run();
  });
  std::vector<py::str> result;
  for (const std::string& text : texts) result.push_back(to_str(text));
  return result;
}

}  // namespace

void bind_batch(py::module_& m) { m.def("batch_generate", &batch_generate); }

}  // namespace linnet::python
