// tokenize.cpp - `linnet tokenize`: text to token ids, and back. Never runs a model.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <linnet/gguf/reader.hpp>
#include <linnet/text/tokenizer.hpp>

#include "arguments.hpp"
#include "command.hpp"
#include "output.hpp"

namespace linnet::cli {
namespace {

struct Arguments {
  std::filesystem::path model;
  TextArguments text;
  bool ids = false, pieces = false, no_bos = false, no_special = false, decode = false, json = false;
};

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_tokens(const Arguments& arguments, const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  if (arguments.json) {
    nlohmann::ordered_json pieces = nlohmann::json::array();
    for (Token token : tokens) pieces.push_back(tokenizer.piece(token, {.special = true}));
    out().print(dump({{"ids", tokens}, {"pieces", pieces}}), '\n');
  } else if (arguments.pieces) {
    for (Token token : tokens)
      out().print(token, '\t', dump(tokenizer.piece(token, {.special = true})), '\n');
  } else {
    for (std::size_t i = 0; i < tokens.size(); ++i) out().print(i ? " " : "", tokens[i]);
    out().print('\n');
  }
}

int run(const Arguments& arguments) {
  // The vocabulary is enough: files without weights will do.
  const gguf::File file = gguf::File::open(arguments.model);
  const Tokenizer tokenizer = Tokenizer::from_metadata(file.metadata());
  const std::string text = read_text(arguments.text);
  if (arguments.decode) {
    const std::string decoded = tokenizer.decode(parse_tokens(text), {.special = !arguments.no_special});
    if (arguments.json) {
      out().print(dump({{"text", decoded}}), '\n');
    } else {
      out().print(decoded, '\n');
    }
    return 0;
  }
  print_tokens(
      arguments, tokenizer,
      tokenizer.encode(text, {.add_special = !arguments.no_bos, .parse_special = !arguments.no_special}));
  return 0;
}

}  // namespace

Command add_tokenize(CLI::App& program) {
  CLI::App* const app = program.add_subcommand("tokenize", "Turn text into token ids, or ids into text");
  const auto arguments = std::make_shared<Arguments>();
  add_model_option(*app, arguments->model);
  add_text_options(*app, arguments->text, "The text (with --decode: the ids)");
  app->add_flag("--ids", arguments->ids, "Print the ids in one line (the default)");
  app->add_flag("--pieces", arguments->pieces, "Print a line per token: its id and its text in JSON quotes")
      ->excludes("--ids");
  app->add_flag("--no-bos", arguments->no_bos, "Add no token at the beginning and the end");
  app->add_flag("--no-special", arguments->no_special,
                "Special tokens in the text are text; with --decode they are left out");
  app->add_flag("--decode", arguments->decode, "Ids, separated by commas or spaces, to text");
  app->add_flag("--json", arguments->json, "Print a JSON object");
  app->footer(
      "The text is taken as it is, a newline at its end included.\n\n"
      "Examples:\n"
      "  linnet tokenize -m model.gguf -p \"Hello, world\" --pieces\n"
      "  echo 1,15043,29892 | linnet tokenize -m model.gguf --decode");
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace linnet::cli
