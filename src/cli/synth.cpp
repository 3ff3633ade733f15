// synth.cpp - `linnet synth`: a model of real size with random weights, for benchmarks. Never trains one.
#include <algorithm>
#include <string>
#include <vector>

#include "commands.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "quantize_file.hpp"
#include "random_blocks.hpp"
#include "synthetic_model.hpp"

namespace linnet::cli {
namespace {

struct SynthArguments {
  std::string shape, type;
  std::filesystem::path output;
  std::int64_t layers = 0;
  std::uint64_t seed = 1;
};

std::string shape_names() {
  std::string names;
  for (const ModelShape& shape : model_shapes) names += concat(names.empty() ? "" : ", ", shape.name);
  return names;
}

ModelShape find_shape(const SynthArguments& arguments) {
  for (ModelShape shape : model_shapes) {
    if (shape.name != arguments.shape) continue;
    if (arguments.layers > 0) shape.layers = arguments.layers;
    return shape;
  }
  fail(ErrorCode::invalid_argument, "shape \"", arguments.shape, "\" is not known; expected one of ",
       shape_names());
}

/// Norms are ones, so that activations keep their size; factors are the real ones.
std::vector<float> vector_values(const ModelShape& shape, const gguf::Tensor& tensor) {
  if (tensor.name == "rope_freqs.weight") return llama3_rope_factors(shape);
  return std::vector<float>(static_cast<std::size_t>(tensor.view.elements()), 1.0f);
}

void write(const SynthArguments& arguments, const ModelShape& shape, const gguf::Writer& model) {
  constexpr std::size_t chunk_pieces = 4096;
  constexpr float deviation = 0.02f;  // as models are initialised
  RandomBlocks blocks(arguments.seed, deviation);
  Progress progress("writing " + arguments.output.string(), static_cast<std::int64_t>(model.file_size()),
                    "bytes");
  std::vector<std::byte> chunk;
  model.write(arguments.output, [&](const gguf::Tensor& tensor, gguf::TensorSink& sink) {
    if (tensor.dims == 1) {
      const std::vector<float> values = vector_values(shape, tensor);
      sink.append(std::span(values));
      return;
    }
    while (sink.remaining() > 0) {
      check_interrupted();
      const std::size_t most = chunk_pieces * RandomBlocks::piece_bytes(tensor.view.type);
      chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(sink.remaining(), most)));
      blocks.fill(tensor.view.type, chunk);
      sink.append(std::span(chunk));
      progress.add(static_cast<std::int64_t>(chunk.size()));
    }
  });
}

int run(const SynthArguments& arguments) {
  const ModelShape shape = find_shape(arguments);
  const quant::Mix& mix = require_mix(arguments.type);
  const gguf::Writer model = synthetic_model(shape, mix);
  write(arguments, shape, model);
  std::int64_t parameters = 0;
  for (const gguf::Tensor& tensor : model.tensors()) parameters += tensor.view.elements();
  out().print(arguments.output.string(), ": ", shape.name, ", ", human_count(static_cast<double>(parameters)),
              " random parameters, ", mix.name, ", ", human_bytes(static_cast<double>(model.file_size())),
              '\n');
  return 0;
}

}  // namespace

void add_synth(Command& program) {
  Command& command = program.add_command("synth", "Write a model of real size with random weights");
  const auto arguments = std::make_shared<SynthArguments>();
  command.add_option("--shape", arguments->shape, shape_names()).value_name("NAME").required();
  command.add_option("--type", arguments->type, mix_names()).value_name("TYPE").required();
  command.add_option("-o,--output", arguments->output, "The file to write").value_name("FILE").required();
  command.add_option("--layers", arguments->layers, "Fewer (or more) layers than the real model; 0: as many")
      .value_name("N")
      .range(0, 512);
  command.add_option("--seed", arguments->seed, "Same seed, same file").show_default();
  command.set_footer(
      "For benchmarks: the text such a model writes means nothing.\n\n"
      "Example:\n"
      "  linnet synth --shape llama-3.2-1b --type q4_k_m -o /tmp/llama-1b.gguf");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
