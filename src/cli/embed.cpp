// embed.cpp - `linnet embed`: texts as vectors. Never compares them.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <linnet/runtime/embedder.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace linnet::cli {
namespace {

struct EmbedArguments {
  EngineArguments engine;
  TextArguments text;
  std::int64_t context = 0;
  Pooling pooling = Pooling::mean;
  bool no_normalize = false, lines = false, json = false;
};

constexpr std::string_view pooling_names[] = {"mean", "last", "first"};

/// The text, or each of its lines that is not empty.
std::vector<std::string> read_texts(const EmbedArguments& arguments) {
  if (!arguments.lines) return {read_prompt(arguments.text)};
  const std::string text = read_text(arguments.text);
  std::vector<std::string> texts;
  for (const std::string_view line : filled_lines(text)) texts.emplace_back(line);
  if (texts.empty()) fail(ErrorCode::invalid_argument, "there is no line to embed; give at least one");
  return texts;
}

/// One line of numbers.
void print_vector(std::span<const float> vector) {
  for (std::size_t i = 0; i < vector.size(); ++i) out().print(i ? " " : "", vector[i]);
  out().print('\n');
}

int run(const EmbedArguments& arguments) {
  const auto model = load_model(arguments.engine);
  std::vector<std::vector<Token>> texts;
  for (const std::string& text : read_texts(arguments)) texts.push_back(model->tokenizer().encode(text));
  Embedder embedder(model, {.embedding = {.pooling = arguments.pooling, .normalize = !arguments.no_normalize},
                            .context = arguments.context,
                            .threads = arguments.engine.threads,
                            .cache_type = arguments.engine.cache_type,
                            .should_stop = interrupted});
  embedder.set_adapters(load_adapters(arguments.engine, model));
  const auto width = static_cast<std::size_t>(embedder.width());

  Json vectors = Json::array();
  Progress progress("reading", static_cast<std::int64_t>(texts.size()), "texts");
  constexpr std::size_t at_once = 256;  // so that the first vectors come early
  for (std::size_t done = 0; done < texts.size(); done += at_once) {
    const auto part = std::span(texts).subspan(done, std::min(at_once, texts.size() - done));
    const std::vector<float> all = embedder.embed(part);
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto vector = std::span(all).subspan(i * width, width);
      if (arguments.json)
        vectors.push_back({{"tokens", part[i].size()}, {"embedding", vector}});
      else
        print_vector(vector);
    }
    if (!arguments.json) out().flush();
    progress.add(static_cast<std::int64_t>(part.size()));
  }
  if (arguments.json) {
    const Json json = {{"pooling", pooling_names[static_cast<std::size_t>(arguments.pooling)]},
                       {"normalized", !arguments.no_normalize},
                       {"dimensions", width},
                       {"embeddings", vectors}};
    out().print(dump(json, 2), '\n');
  }
  return 0;
}

void add_options(Command& command, EmbedArguments& arguments) {
  add_engine_options(command, arguments.engine);
  add_text_options(command, arguments.text, "The text");
  command.add_flag("--lines", arguments.lines, "Each line that is not empty is a text of its own");
  const auto choose = [&arguments](const std::string& name) {
    const auto* const found = std::find(std::begin(pooling_names), std::end(pooling_names), name);
    arguments.pooling = static_cast<Pooling>(found - std::begin(pooling_names));
  };
  command
      .add_option("--pooling", choose, "What of the hidden states: mean of all, of the last or first token")
      .one_of({"mean", "last", "first"})
      .show_default("mean");
  command.add_flag("--no-normalize", arguments.no_normalize, "Leave the vectors as long as they are");
  command
      .add_option(
          "-c,--context", arguments.context,
          "Tokens of the longest text; 0: the model's own length, at most 4096 and what --memory holds")
      .value_name("N");
  command.add_flag("--json", arguments.json, "Print a JSON object");
}

}  // namespace

void add_embed(Command& program) {
  Command& command = program.add_command("embed", "Turn texts into vectors");
  const auto arguments = std::make_shared<EmbedArguments>();
  add_options(command, *arguments);
  command.set_footer(
      "A vector is made of the hidden states behind the model's last norm, and has length 1 unless told\n"
      "otherwise. Printed is one line of numbers for each text.\n\n"
      "Examples:\n"
      "  linnet embed -m model.gguf -p \"a small songbird\"\n"
      "  linnet embed -m model.gguf -f sentences.txt --lines --pooling last --json");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
