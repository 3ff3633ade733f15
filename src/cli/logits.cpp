// logits.cpp - `linnet logits`: what a model expects after every token, as a NumPy file. Never samples.
#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include <linnet/base/checked.hpp>
#include <linnet/base/output_file.hpp>
#include <linnet/model/engine.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "row_batches.hpp"

namespace linnet::cli {
namespace {

struct LogitsArguments {
  EngineArguments engine;
  TextArguments text;
  std::string tokens;
  std::filesystem::path output;
  std::int64_t batch = 0;
};

/// The header of a float32 array of rows by columns, little-endian, in C order.
/// Source: the NPY format, version 1.0.
std::string npy_header(std::int64_t rows, std::int64_t columns) {
  static_assert(std::endian::native == std::endian::little);
  std::string text =
      concat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", columns, "), }");
  constexpr std::size_t prefix = 10, unit = 64;
  text.append(unit - 1 - (prefix + text.size()) % unit, ' ');
  text += '\n';
  const auto length = static_cast<std::uint16_t>(text.size());
  const char bytes[] = {static_cast<char>(length & 255), static_cast<char>(length >> 8)};
  return std::string("\x93NUMPY\x01\x00", 8).append(bytes, 2) + text;
}

std::vector<Token> read_tokens(const LogitsArguments& arguments, const Model& model, bool given) {
  if (given) return parse_tokens(arguments.tokens);
  return model.tokenizer().encode(read_text(arguments.text));
}

int run(const LogitsArguments& arguments, bool tokens_given) {
  keep_inputs({arguments.engine.model}, arguments.output);
  const auto model = load_model(arguments.engine);
  const std::vector<Token> tokens = read_tokens(arguments, *model, tokens_given);
  if (tokens.empty()) fail(ErrorCode::invalid_argument, "no tokens: give at least one id or some text");
  const auto rows = static_cast<std::int64_t>(tokens.size());
  const std::int64_t columns = model->spec().vocabulary;

  const std::int64_t batch =
      arguments.batch > 0 ? std::min(arguments.batch, rows) : rows_per_batch(columns, rows);
  // One by one, a row is what the model expects while it writes: it knows of no later tokens.
  const std::int64_t final_length = arguments.batch == 1 ? 0 : rows;
  Engine engine(model, {.threads = arguments.engine.threads,
                        .cache = {.type = arguments.engine.cache_type, .tokens = rows, .max_batch = batch}});
  engine.set_adapters(load_adapters(arguments.engine, model));
  const SequenceId sequence = engine.create();
  const std::string header = npy_header(rows, columns);
  const auto values = checked_mul(static_cast<std::uint64_t>(rows * columns), sizeof(float));
  OutputFile file(arguments.output, header.size() + values.value_or(UINT64_MAX - header.size()));
  file.append(std::as_bytes(std::span(header)));

  Progress progress("computing logits", rows, "tokens");
  std::vector<float> logits(static_cast<std::size_t>(batch * columns));
  for (std::int64_t done = 0; done < rows; done += batch) {
    check_interrupted();
    const std::int64_t count = std::min(batch, rows - done);
    const BatchEntry entry{
        sequence, std::span(tokens).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count)),
        LogitRows::all, final_length};
    const auto part = std::span(logits).first(static_cast<std::size_t>(count * columns));
    engine.forward({&entry, 1}, part);
    file.append(std::as_bytes(part));
    progress.add(count);
  }
  file.commit();
  return 0;
}

}  // namespace

void add_logits(Command& program) {
  Command& command = program.add_command("logits", "Write the logits after every token as a NumPy file");
  const auto arguments = std::make_shared<LogitsArguments>();
  add_engine_options(command, arguments->engine);
  add_text_options(command, arguments->text, "The text");
  const Option tokens = command.add_option("--tokens", arguments->tokens, "Token ids instead of a text")
                            .value_name("1,2,3")
                            .excludes("--prompt")
                            .excludes("--file");
  command.add_option("-o,--output", arguments->output, "The file to write: float32 [tokens, vocabulary]")
      .value_name("OUT.npy")
      .required();
  command
      .add_option("-b,--batch", arguments->batch,
                  "Tokens to compute at once (1: one by one, as when a text is written; 0: what suits the "
                  "vocabulary)")
      .value_name("N")
      .range(0, 512);
  command.set_footer(
      "The file is written under another name and renamed, so that it is never half there. Quantized "
      "weights\n"
      "are multiplied by activations rounded to bytes; --float32 --kv-type f32 computes in float32 "
      "throughout.\n\n"
      "Example:\n"
      "  linnet logits -m model.gguf --tokens 1,2,3 -o logits.npy");
  command.set_action([arguments, tokens] { return run(*arguments, tokens.given()); });
}

}  // namespace linnet::cli
