// perplexity.cpp - `linnet perplexity`: how well a model expects a text. Never generates.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/model/engine.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "divergence.hpp"
#include "documents.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "score.hpp"

namespace linnet::cli {
namespace {

struct PerplexityArguments {
  EngineArguments engine;
  TextArguments text;
  std::int64_t context = 0, stride = 0;
  bool lines = false, divergence = false, json = false;
};

Windows choose_windows(const PerplexityArguments& arguments, const Spec& spec) {
  constexpr std::int64_t usual = 512;
  Windows windows;
  windows.length = arguments.context > 0 ? arguments.context : std::min(spec.context, usual);
  windows.stride = arguments.stride > 0 ? arguments.stride : std::max<std::int64_t>(1, windows.length / 2);
  if (windows.length < 2) fail(ErrorCode::invalid_argument, "--context: expected 2 tokens or more");
  // A longer stride would leave tokens out.
  if (windows.stride > windows.length - 1)
    fail(ErrorCode::invalid_argument, "--stride: expected at most ", windows.length - 1,
         " (--context - 1), got ", windows.stride);
  return windows;
}

EngineOptions engine_options(const PerplexityArguments& arguments, const Windows& windows, DType cache_type) {
  return {.threads = arguments.engine.threads,
          .cache = {.type = cache_type,
                    .tokens = windows.length,
                    .max_batch = std::min<std::int64_t>(windows.length, 512)},
          .should_stop = interrupted};
}

/// What was found of a text.
struct Findings {
  Score score;
  std::optional<Divergence> divergence;
  std::int64_t documents = 0, bytes = 0;
  double seconds = 0;
};

/// Scores the documents; with --kl, beside an engine that computes in float32 from end to end, its cache too.
Findings score_documents(const PerplexityArguments& arguments, const std::shared_ptr<const Model>& model,
                         const Windows& windows, const std::vector<std::vector<Token>>& documents) {
  Engine engine(model, engine_options(arguments, windows, arguments.engine.cache_type));
  engine.set_adapters(load_adapters(arguments.engine, model));
  std::optional<Engine> reference;
  Findings found;
  if (arguments.divergence) {
    const LoadOptions in_floats = {.float32 = true, .threads = arguments.engine.threads};
    const auto same_model = Model::load(arguments.engine.model, in_floats);
    reference.emplace(same_model, engine_options(arguments, windows, DType::f32));
    reference->set_adapters(load_adapters(arguments.engine, same_model));
    found.divergence.emplace();
  }
  std::vector<Engine*> engines = {&engine};
  if (reference) engines.push_back(&*reference);

  std::int64_t total = 0;
  for (const auto& document : documents) total += static_cast<std::int64_t>(document.size());
  Progress progress("scoring", total, "tokens");
  const auto start = std::chrono::steady_clock::now();
  for (const auto& document : documents)
    visit_text(
        engines, document, windows,
        [&](std::span<const std::span<const float>> logits, Token next) {
          found.score.add(negative_log_likelihood(logits[0], next));
          if (found.divergence) found.divergence->add(logits[1], logits[0]);
        },
        [&](std::int64_t scored) {
          progress.add(scored);
          check_interrupted();
        });
  found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return found;
}

Json to_json(const Findings& found, const Windows& windows) {
  Json json = {{"perplexity", found.score.perplexity()},
               {"standard_error", found.score.perplexity_error()},
               {"nats_per_token", found.score.mean()},
               {"tokens", found.score.tokens()},
               {"documents", found.documents},
               {"bytes", found.bytes},
               {"context", windows.length},
               {"stride", windows.stride},
               {"seconds", found.seconds},
               {"tokens_per_second", static_cast<double>(found.score.tokens()) / found.seconds}};
  if (found.divergence) {
    json["kl_mean"] = found.divergence->mean();
    json["kl_max"] = found.divergence->max();
    json["same_top"] = found.divergence->same_top();
  }
  return json;
}

void print_text(const Findings& found, const Windows& windows) {
  const bool many = found.score.tokens() > 1;  // one has no spread
  out().print("perplexity ", fixed(found.score.perplexity(), 4), " +- ",
              many ? fixed(found.score.perplexity_error(), 4) : "?", " over ",
              counted(found.score.tokens(), "token"), " of ", counted(found.documents, "text"), " (context ",
              windows.length, ", stride ", windows.stride, "); ",
              fixed(static_cast<double>(found.score.tokens()) / found.seconds, 1), " tokens/s\n");
  if (found.divergence)
    out().print("divergence from float32: mean ", scientific(found.divergence->mean(), 2), " nats, at most ",
                scientific(found.divergence->max(), 2), "; the same token first for ",
                fixed(100 * found.divergence->same_top(), 2), " %\n");
}

int run(const PerplexityArguments& arguments) {
  if (arguments.divergence && arguments.engine.float32)
    fail(ErrorCode::invalid_argument,
         "--kl with --float32: expected one of them, since --float32 is the reference");
  const auto model = load_model(arguments.engine);
  const Windows windows = choose_windows(arguments, model->spec());
  const std::string text = read_text(arguments.text);
  const std::vector<std::vector<Token>> documents = encode_documents(*model, text, arguments.lines);
  for (const auto& document : documents)
    warn_of_length(*model, std::min(windows.length, static_cast<std::int64_t>(document.size())));
  Findings found = score_documents(arguments, model, windows, documents);
  if (found.score.tokens() == 0)
    fail(ErrorCode::invalid_argument, "the text has no token to score; give a longer one");
  found.documents = static_cast<std::int64_t>(documents.size());
  found.bytes = static_cast<std::int64_t>(text.size());
  if (arguments.json) {
    out().print(dump(to_json(found, windows), 2), '\n');
  } else {
    print_text(found, windows);
  }
  return 0;
}

}  // namespace

void add_perplexity(Command& program) {
  Command& command = program.add_command("perplexity", "Measure how well a model expects a text");
  const auto arguments = std::make_shared<PerplexityArguments>();
  add_engine_options(command, arguments->engine);
  add_text_options(command, arguments->text, "The text");
  command
      .add_option("--context", arguments->context,
                  "Tokens of a window; 0: 512, or the model's context if shorter")
      .value_name("N")
      .non_negative();
  command.add_option("--stride", arguments->stride, "Tokens between windows; 0: half a window")
      .value_name("N")
      .non_negative();
  command.add_flag("--lines", arguments->lines, "Each line is a text of its own");
  command.add_flag("--kl", arguments->divergence,
                   "Also compute in float32, and say how far the expectations are from that");
  command.add_flag("--json", arguments->json, "Print a JSON object");
  command.set_footer(
      "Perplexity is exp of the mean negative log-likelihood per token. A window of --context tokens, BOS\n"
      "included where the model wants it, moves over the text by --stride. Every token is scored once, in "
      "the\n"
      "first window that holds it; the very first token of a text only where BOS comes before it. The error "
      "is\n"
      "the standard error, from the spread over the tokens.\n\n"
      "--kl runs every window a second time, with the same weights as float32, products and cache in "
      "float32.\n"
      "It prints the mean over the scored tokens of the divergence of the expected next token from that "
      "run's,\n"
      "the sum of p log(p / q), its largest value, and how often both expect the same token most.\n\n"
      "Example:\n"
      "  linnet perplexity -m model.gguf -f stories.txt --lines");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
