// quantize.cpp - `linnet quantize`: a model with its weights in another type. Never changes its input.
#include <string>

#include <linnet/gguf/reader.hpp>

#include "command.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "quantize_file.hpp"

namespace linnet::cli {
namespace {

struct Arguments {
  std::filesystem::path input, output;
  std::string type;
  int threads = 0;
};

int run(const Arguments& arguments) {
  const quant::Mix& mix = require_mix(arguments.type);
  const gguf::File input = gguf::File::open(arguments.input);
  {
    Progress progress("quantizing", static_cast<std::int64_t>(input.size()), "bytes");
    quantize_file(input, arguments.output, mix, arguments.threads, [&](std::int64_t bytes) {
      progress.add(bytes);
      check_interrupted();
    });
  }
  const auto size = static_cast<double>(std::filesystem::file_size(arguments.output));
  out().print(arguments.output.string(), ": ", mix.name, ", ", human_bytes(size), " of ",
              human_bytes(static_cast<double>(input.size())), '\n');
  return 0;
}

}  // namespace

Command add_quantize(CLI::App& program) {
  CLI::App* const app = program.add_subcommand("quantize", "Write a model with its weights in another type");
  const auto arguments = std::make_shared<Arguments>();
  app->add_option("IN", arguments->input, "The model, best in F32, F16 or BF16")->required();
  app->add_option("OUT", arguments->output, "The file to write")->required();
  app->add_option("TYPE", arguments->type, mix_names())->required();
  app->add_option("-t,--threads", arguments->threads, "Threads; 0: what the machine grants")
      ->type_name("N")
      ->check(CLI::Range(0, 1024));
  app->footer(
      "Norms, biases and routers stay F32. Rows that are no multiple of 256 take the nearest type of blocks "
      "of 32.\n\n"
      "Example:\n"
      "  linnet quantize model-f16.gguf model-q4_k_m.gguf q4_k_m");
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace linnet::cli
