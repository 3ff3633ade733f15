// imatrix.cpp - `linnet imatrix`: which inputs of a model's matrices matter, over a text. Never quantizes.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <linnet/base/error.hpp>
#include <linnet/model/engine.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "documents.hpp"
#include "format.hpp"
#include "importance_matrix.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace linnet::cli {
namespace {

struct ImatrixArguments {
  EngineArguments engine;
  std::filesystem::path text, output;
  std::int64_t chunk = 0, chunks = 0;
  bool lines = false;
};

/// Adds up the squares of what a model's matrices are multiplied by.
class SquareCollector {
 public:
  explicit SquareCollector(const Model& model) {
    std::map<std::string, std::int64_t, std::less<>> experts;
    for_each_matrix(model.weights(), [&](const Linear& matrix) { ++experts[matrix.name]; });
    // All memory is taken here: observers must not throw.
    for_each_matrix(model.weights(), [&](const Linear& matrix) {
      const std::int64_t cols = matrix.weight.cols();
      Entry& entry = entries_[matrix.name];
      entry.cols = cols;
      entry.sums.resize(static_cast<std::size_t>(cols * experts[matrix.name]));
      entry.counts.resize(static_cast<std::size_t>(experts[matrix.name]));
    });
  }

  void see(std::span<const Linear> parts, const float* x, std::int64_t x_stride,
           std::int64_t tokens) noexcept {
    for (const Linear& part : parts) {
      Entry& entry = entries_.find(part.name)->second;
      double* const sums = entry.sums.data() + part.slice * entry.cols;
      for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t c = 0; c < entry.cols; ++c) {
          const double value = x[t * x_stride + c];
          sums[c] += value * value;
        }
      entry.counts[static_cast<std::size_t>(part.slice)] += tokens;
    }
  }

  /// Without the matrices that nothing went through.
  ImportanceMatrix result() const {
    ImportanceMatrix matrix;
    for (const auto& [name, entry] : entries_) {
      if (std::all_of(entry.counts.begin(), entry.counts.end(), [](std::int64_t n) { return n == 0; }))
        continue;
      InputSquares& squares = matrix.tensors[name];
      squares.cols = entry.cols;
      squares.sums.assign(entry.sums.begin(), entry.sums.end());
      squares.counts.assign(entry.counts.begin(), entry.counts.end());
    }
    return matrix;
  }

 private:
  struct Entry {
    std::int64_t cols = 0;
    std::vector<double> sums;          // [experts, cols]
    std::vector<std::int64_t> counts;  // [experts]
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

/// The text in pieces of at most `length` tokens, BOS before each where the model wants it.
std::vector<std::vector<Token>> cut(const ImatrixArguments& arguments, const Model& model,
                                    std::int64_t length) {
  std::vector<Token> bos;
  const Vocabulary& vocabulary = model.tokenizer().vocabulary();
  if (vocabulary.adds_bos() && vocabulary.bos()) bos.push_back(*vocabulary.bos());
  const auto room = static_cast<std::size_t>(length) - bos.size();
  std::vector<std::vector<Token>> chunks;
  for (const auto& document : encode_documents(model, read_text_file(arguments.text), arguments.lines))
    for (std::size_t at = 0; at < document.size(); at += room) {
      const auto first = document.begin() + static_cast<std::ptrdiff_t>(at);
      std::vector<Token>& chunk = chunks.emplace_back(bos);
      chunk.insert(chunk.end(), first,
                   first + static_cast<std::ptrdiff_t>(std::min(room, document.size() - at)));
    }
  if (chunks.empty())
    fail(ErrorCode::invalid_argument, "the text has no token to collect from; give a longer one");
  if (arguments.chunks > 0 && static_cast<std::int64_t>(chunks.size()) > arguments.chunks)
    chunks.resize(static_cast<std::size_t>(arguments.chunks));
  return chunks;
}

ImportanceMatrix collect(const ImatrixArguments& arguments, const std::shared_ptr<const Model>& model,
                         const std::vector<std::vector<Token>>& chunks, std::int64_t length) {
  Engine engine(model, {.threads = arguments.engine.threads,
                        .cache = {.type = arguments.engine.cache_type,
                                  .tokens = length,
                                  .max_batch = std::min<std::int64_t>(length, 512)},
                        .should_stop = interrupted});
  engine.set_adapters(load_adapters(arguments.engine, model));
  SquareCollector collector(*model);
  engine.observe_products([&](auto... product) noexcept { collector.see(product...); });
  Progress progress("collecting", static_cast<std::int64_t>(chunks.size()), "chunks");
  for (const std::vector<Token>& chunk : chunks) {
    const SequenceId sequence = engine.create();
    const BatchEntry entry{sequence, chunk, LogitRows::none};
    engine.forward({&entry, 1}, {});
    engine.remove(sequence);
    progress.add(1);
    check_interrupted();
  }
  return collector.result();
}

int run(const ImatrixArguments& arguments) {
  keep_inputs({arguments.engine.model, arguments.text}, arguments.output);
  const auto model = load_model(arguments.engine);
  constexpr std::int64_t usual = 512;
  const std::int64_t length = arguments.chunk > 0 ? arguments.chunk : std::min(model->spec().context, usual);
  if (length < 2) fail(ErrorCode::invalid_argument, "--chunk: expected 2 tokens or more");
  const auto chunks = cut(arguments, *model, length);
  ImportanceMatrix matrix = collect(arguments, model, chunks, length);
  matrix.datasets = {arguments.text.filename().string()};
  matrix.chunks = static_cast<std::int64_t>(chunks.size());
  matrix.chunk_tokens = length;
  matrix.write(arguments.output);
  std::size_t tokens = 0;
  for (const auto& chunk : chunks) tokens += chunk.size();
  out().print(arguments.output.string(), ": ", matrix.tensors.size(), " matrices over ", tokens,
              " tokens in ", chunks.size(), chunks.size() == 1 ? " chunk\n" : " chunks\n");
  return 0;
}

}  // namespace

void add_imatrix(Command& program) {
  Command& command =
      program.add_command("imatrix", "Collect from a text which weights matter, for quantize --imatrix");
  const auto arguments = std::make_shared<ImatrixArguments>();
  add_engine_options(command, arguments->engine);
  command.add_option("-f,--file", arguments->text, "The text; -: standard input")
      .value_name("FILE")
      .required();
  command.add_option("-o,--output", arguments->output, "The file to write").value_name("FILE").required();
  command
      .add_option("--chunk", arguments->chunk,
                  "Tokens computed together; 0: 512, or the model's context if shorter")
      .value_name("N")
      .non_negative();
  command.add_option("--chunks", arguments->chunks, "Stop after so many chunks; 0: the whole text")
      .value_name("N")
      .non_negative();
  command.add_flag("--lines", arguments->lines, "Each line is a text of its own");
  command.set_footer(
      "For each matrix and each of its columns, the sum of the squares of the inputs and their count, as a "
      "GGUF file\n"
      "of general.type \"imatrix\". The output matrix is left out, which is quantized finely. A few hundred\n"
      "thousand tokens of what the model is used for are plenty. Best from the model in F16 or Q8_0.\n\n"
      "Example:\n"
      "  linnet imatrix -m model-f16.gguf -f texts.txt -o model.imatrix.gguf");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
