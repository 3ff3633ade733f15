// scoring.cpp - a model over given texts: logits, what it thought of each token, a vector. Never generates.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <linnet/base/printable.hpp>
#include <linnet/model/engine.hpp>
#include <linnet/runtime/embedder.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

constexpr std::int64_t max_batch = 256;

struct Settings {
  int threads;
  DType cache_type;
};

Settings to_settings(const py::object& threads, const std::string& kv_type) {
  return {static_cast<int>(to_integer(threads, "threads", 0, 1024)), to_cache_type(kv_type)};
}

/// An engine for one sequence of at most `tokens` tokens.
Engine make_engine(const LoadedModel& model, std::int64_t tokens, const Settings& settings) {
  Engine engine(model.model, {.threads = settings.threads,
                              .cache = {.type = settings.cache_type,
                                        .tokens = std::max<std::int64_t>(tokens, 1),
                                        .max_sequences = 1,
                                        .max_batch = std::clamp<std::int64_t>(tokens, 1, max_batch)},
                              .should_stop = is_interrupted});
  if (!model.adapters.empty()) engine.set_adapters(model.adapters);
  return engine;
}

Floats logits(const LoadedModel& self, const py::object& tokens, const py::object& threads,
              const std::string& kv_type) {
  const std::vector<Token> ids = to_tokens(tokens);
  const Settings settings = to_settings(threads, kv_type);
  Floats rows = new_floats({static_cast<py::ssize_t>(ids.size()), self.model->spec().vocabulary});
  const std::span<float> out(rows.mutable_data(), static_cast<std::size_t>(rows.size()));
  run_unlocked([&] {
    Engine engine = make_engine(self, static_cast<std::int64_t>(ids.size()), settings);
    const BatchEntry entry{engine.create(), ids, LogitRows::all};
    engine.forward({&entry, 1}, out);
  });
  return rows;
}

/// log softmax(logits)[token], summed in double.
double log_probability(std::span<const float> logits, Token token) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return static_cast<double>(logits[static_cast<std::size_t>(token)]) - highest - std::log(sum);
}

/// [tokens - 1]: log p(tokens[i + 1] | tokens[0 .. i]). Holds the logits of one batch at a time.
void score_tokens(Engine& engine, std::span<const Token> tokens, double* out) {
  const auto vocabulary = static_cast<std::size_t>(engine.model().spec().vocabulary);
  const SequenceId sequence = engine.create();
  std::vector<float> rows;
  for (std::size_t at = 0; at + 1 < tokens.size(); at += max_batch) {
    const std::size_t count = std::min<std::size_t>(max_batch, tokens.size() - 1 - at);
    const BatchEntry entry{sequence, tokens.subspan(at, count), LogitRows::all,
                           static_cast<std::int64_t>(tokens.size())};
    rows.resize(count * vocabulary);
    engine.forward({&entry, 1}, rows);
    for (std::size_t i = 0; i < count; ++i)
      *out++ = log_probability(std::span(rows).subspan(i * vocabulary, vocabulary), tokens[at + i + 1]);
  }
}

py::array_t<double> score(const LoadedModel& self, const py::object& tokens, const py::object& threads,
                          const std::string& kv_type) {
  const std::vector<Token> ids = to_tokens(tokens);
  const Settings settings = to_settings(threads, kv_type);
  // The last token is predicted, and predicts nothing: nobody else would look at its id.
  if (!ids.empty() && (ids.back() < 0 || ids.back() >= self.model->spec().vocabulary))
    fail(ErrorCode::invalid_argument, "token ", ids.back(), " is outside the vocabulary of ",
         self.model->spec().vocabulary);
  py::array_t<double> scores(static_cast<py::ssize_t>(std::max<std::size_t>(ids.size(), 1) - 1));
  double* const out = scores.mutable_data();
  run_unlocked([&] {
    Engine engine = make_engine(self, static_cast<std::int64_t>(ids.size()), settings);
    score_tokens(engine, ids, out);
  });
  return scores;
}

Pooling to_pooling(const std::string& name) {
  if (name == "mean") return Pooling::mean;
  if (name == "last") return Pooling::last;
  if (name == "first") return Pooling::first;
  fail(ErrorCode::invalid_argument, "pooling: expected \"mean\", \"last\" or \"first\", got ",
       in_quotes(name));
}

/// [texts, width]
Floats embed(const LoadedModel& self, const std::vector<py::object>& texts, const std::string& pooling,
             bool normalize, const py::object& threads, const std::string& kv_type) {
  std::vector<std::vector<Token>> tokens;
  std::size_t longest = 1;
  for (const py::object& text : texts)
    longest = std::max(longest, tokens.emplace_back(to_tokens(text)).size());
  const Settings settings = to_settings(threads, kv_type);
  EmbedderOptions options;
  options.embedding = {.pooling = to_pooling(pooling), .normalize = normalize};
  options.context = static_cast<std::int64_t>(longest);
  options.threads = settings.threads;
  options.cache_type = settings.cache_type;
  options.should_stop = is_interrupted;
  Floats vectors = new_floats({static_cast<py::ssize_t>(tokens.size()), self.model->spec().embedding});
  if (tokens.empty()) return vectors;
  float* const out = vectors.mutable_data();
  run_unlocked([&] {
    Embedder embedder(self.model, options);
    if (!self.adapters.empty()) embedder.set_adapters(self.adapters);
    const std::vector<float> values = embedder.embed(tokens);
    std::copy(values.begin(), values.end(), out);
  });
  return vectors;
}

}  // namespace

void bind_scoring(py::module_& m) {
  m.def("embed", &embed);
  m.def("logits", &logits);
  m.def("score", &score);
}

}  // namespace linnet::python
