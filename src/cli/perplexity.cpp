// perplexity.cpp - `linnet perplexity`: how well a model expects a text. Never generates.
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <linnet/model/engine.hpp>

#include "arguments.hpp"
#include "command.hpp"
#include "documents.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "score.hpp"

namespace linnet::cli {
namespace {

struct Arguments {
  EngineArguments engine;
  TextArguments text;
  std::int64_t context = 0, stride = 0;
  bool lines = false, json = false;
};

Windows choose_windows(const Arguments& arguments, const Spec& spec) {
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

int run(const Arguments& arguments) {
  const auto model = load_model(arguments.engine);
  const Windows windows = choose_windows(arguments, model->spec());
  const std::string text = read_text(arguments.text);
  const std::vector<std::vector<Token>> documents = encode_documents(*model, text, arguments.lines);
  std::int64_t total = 0;
  for (const auto& document : documents) total += static_cast<std::int64_t>(document.size());

  Engine engine(model, {.threads = arguments.engine.threads,
                        .cache = {.type = arguments.engine.cache_type,
                                  .tokens = windows.length,
                                  .max_batch = std::min<std::int64_t>(windows.length, 512)},
                        .should_stop = interrupted});
  engine.set_adapters(load_adapters(arguments.engine, model));
  Score score;
  Progress progress("scoring", total, "tokens");
  const auto start = std::chrono::steady_clock::now();
  for (const auto& document : documents)
    score_text(engine, document, windows, score, [&](std::int64_t scored) {
      progress.add(scored);
      check_interrupted();
    });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (score.tokens() == 0)
    fail(ErrorCode::invalid_argument, "the text has no token to score; give a longer one");

  const double rate = static_cast<double>(score.tokens()) / seconds;
  if (arguments.json) {
    const nlohmann::ordered_json json = {{"perplexity", score.perplexity()},
                                         {"standard_error", score.perplexity_error()},
                                         {"nats_per_token", score.mean()},
                                         {"tokens", score.tokens()},
                                         {"documents", documents.size()},
                                         {"bytes", text.size()},
                                         {"context", windows.length},
                                         {"stride", windows.stride},
                                         {"seconds", seconds},
                                         {"tokens_per_second", rate}};
    out().print(json.dump(2), '\n');
  } else {
    out().print("perplexity ", fixed(score.perplexity(), 4), " +- ", fixed(score.perplexity_error(), 4),
                " over ", score.tokens(), " tokens (context ", windows.length, ", stride ", windows.stride,
                "); ", fixed(rate, 1), " tokens/s\n");
  }
  return 0;
}

}  // namespace

Command add_perplexity(CLI::App& program) {
  CLI::App* const app = program.add_subcommand("perplexity", "Measure how well a model expects a text");
  const auto arguments = std::make_shared<Arguments>();
  add_engine_options(*app, arguments->engine);
  add_text_options(*app, arguments->text, "The text");
  app->add_option("--context", arguments->context,
                  "Tokens of a window; 0: 512, or the model's context if shorter")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--stride", arguments->stride, "Tokens between windows; 0: half a window")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--lines", arguments->lines, "Each line is a text of its own");
  app->add_flag("--json", arguments->json, "Print a JSON object");
  app->footer(
      "Perplexity is exp of the mean negative log-likelihood per token. A window of --context tokens, BOS\n"
      "included where the model wants it, moves over the text by --stride. Every token is scored once, in "
      "the\n"
      "first window that holds it; the very first token of a text only where BOS comes before it. The error "
      "is\n"
      "the standard error, from the spread over the tokens.\n\n"
      "Example:\n"
      "  linnet perplexity -m model.gguf -f stories.txt --lines");
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace linnet::cli
