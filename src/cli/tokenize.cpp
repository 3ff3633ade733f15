// tokenize.cpp - `linnet tokenize`: text to token ids, and back. Never runs a model.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/gguf/reader.hpp>
#include <linnet/text/tokenizer.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "json_text.hpp"
#include "lines.hpp"
#include "output.hpp"

namespace linnet::cli {
namespace {

struct TokenizeArguments {
  std::filesystem::path model;
  TextArguments text;
  bool ids = false, pieces = false, no_bos = false, no_special = false, decode = false, json = false,
       lines = false;
};

void print_tokens(const TokenizeArguments& arguments, const Tokenizer& tokenizer,
                  const std::vector<Token>& tokens) {
  if (arguments.json) {
    Json pieces = Json::array();
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

/// The bytes of a text that is written as a JSON string, or as an array of bytes where it is no UTF-8.
std::string parse_json_text(std::string_view line, std::int64_t number) {
  const Json value = Json::parse(line, nullptr, false);
  if (value.is_string()) return value.get<std::string>();
  const auto is_byte = [](const Json& byte) {
    return byte.is_number_unsigned() && byte.get<std::uint64_t>() < 256;
  };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_byte))
    fail(ErrorCode::invalid_argument, "line ", number,
         ": expected a text as a JSON string, or a JSON array of its bytes");
  std::string text;
  for (const Json& byte : value) text += static_cast<char>(byte.get<std::uint8_t>());
  return text;
}

void tokenize_lines(const TokenizeArguments& arguments, const Tokenizer& tokenizer, std::string_view text) {
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    print_tokens(arguments, tokenizer,
                 tokenizer.encode(parse_json_text(line, number), {.add_special = !arguments.no_bos,
                                                                  .parse_special = !arguments.no_special}));
  }
}

int run(const TokenizeArguments& arguments) {
  // The vocabulary is enough: files without weights will do.
  const gguf::File file = gguf::File::open(arguments.model);
  const Tokenizer tokenizer = Tokenizer::from_metadata(file.metadata());
  print_warnings(tokenizer);
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
  if (arguments.lines) {
    tokenize_lines(arguments, tokenizer, text);
    return 0;
  }
  print_tokens(
      arguments, tokenizer,
      tokenizer.encode(text, {.add_special = !arguments.no_bos, .parse_special = !arguments.no_special}));
  return 0;
}

}  // namespace

void add_tokenize(Command& program) {
  Command& command = program.add_command("tokenize", "Turn text into token ids, or ids into text");
  const auto arguments = std::make_shared<TokenizeArguments>();
  add_model_option(command, arguments->model).required();
  add_text_options(command, arguments->text, "The text (with --decode: the ids)");
  command.add_flag("--ids", arguments->ids, "Print the ids in one line (the default)");
  command
      .add_flag("--pieces", arguments->pieces, "Print a line per token: its id and its text in JSON quotes")
      .excludes("--ids");
  command.add_flag("--no-bos", arguments->no_bos, "Add no token at the beginning and the end");
  command.add_flag("--no-special", arguments->no_special,
                   "Special tokens in the text are text; with --decode they are left out");
  command
      .add_flag("--json-lines", arguments->lines,
                "The input holds many texts, each a line with a JSON string, or with a JSON array of bytes")
      .excludes("--pieces");
  command.add_flag("--decode", arguments->decode, "Ids, separated by commas or spaces, to text")
      .excludes("--json-lines");
  command.add_flag("--json", arguments->json, "Print a JSON object");
  command.set_footer(
      "The text is taken as it is, a newline at its end included.\n\n"
      "Examples:\n"
      "  linnet tokenize -m model.gguf -p \"Hello, world\" --pieces\n"
      "  jq -c .text texts.jsonl | linnet tokenize -m model.gguf --json-lines\n"
      "  echo 1,15043,29892 | linnet tokenize -m model.gguf --decode");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
