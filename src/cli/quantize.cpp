// quantize.cpp - `linnet quantize`: a model with its weights in another type. Never changes its input.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <linnet/base/error.hpp>
#include <linnet/gguf/reader.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "format.hpp"
#include "importance_matrix.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "quantize_file.hpp"

namespace linnet::cli {
namespace {

struct QuantizeArguments {
  std::filesystem::path input, output, importance;
  std::string type;
  std::vector<std::string> overrides;
  int threads = 0;
  bool json = false;
};

/// What was made, as the two forms of the summary say it.
struct Summary {
  QuantizeReport report;
  std::string output;
  std::string_view type;
  std::uint64_t input_bytes = 0, bytes = 0;
  double seconds = 0;
};

double bits_per_weight(const QuantizeReport::Type& type) {
  return type.weights ? 8 * static_cast<double>(type.bytes) / static_cast<double>(type.weights) : 0;
}

Json to_json(const Summary& summary) {
  Json types = Json::array();
  for (const auto& [name, type] : summary.report.types)
    types.push_back({{"type", to_string(name)},
                     {"tensors", type.tensors},
                     {"weights", type.weights},
                     {"bytes", type.bytes},
                     {"bits_per_weight", bits_per_weight(type)},
                     {"relative_rms_error", type.error.relative()}});
  return {{"output", summary.output},
          {"type", summary.type},
          {"bytes", summary.bytes},
          {"input_bytes", summary.input_bytes},
          {"relative_rms_error", summary.report.error.relative()},
          {"types", types},
          {"tensors_weighted", summary.report.weighted},
          {"tensors_overridden", summary.report.overridden},
          {"weights_not_finite", summary.report.error.not_finite},
          {"seconds", summary.seconds}};
}

void print_text(const Summary& summary) {
  for (const auto& [name, type] : summary.report.types)
    out().print(left(to_string(name), 8), right(concat(type.tensors), 5), " tensors ",
                right(human_bytes(static_cast<double>(type.bytes)), 9),
                right(fixed(bits_per_weight(type), 2), 7), " bits per weight",
                type.error.square > 0 ? concat(", relative error ", fixed(type.error.relative(), 5)) : "",
                '\n');
  out().print(summary.output, ": ", summary.type, ", ", human_bytes(static_cast<double>(summary.bytes)),
              " of ", human_bytes(static_cast<double>(summary.input_bytes)), ", relative error ",
              fixed(summary.report.error.relative(), 5), '\n');
}

/// A quantizer makes something of them, too, so that nobody would see that the model is broken.
void warn_of_not_finite(const QuantizeReport& report) {
  if (const std::int64_t count = report.error.not_finite; count > 0)
    print_error(concat("linnet: warning: ", count,
                       count == 1 ? " weight of the input is" : " weights of the input are",
                       " NaN or infinite; is the model broken?\n"));
}

int run(const QuantizeArguments& arguments) {
  const quant::Mix& mix = require_mix(arguments.type);
  std::vector<TypeOverride> overrides;
  for (const std::string& text : arguments.overrides) overrides.push_back(TypeOverride::parse(text));
  const gguf::File input = gguf::File::open(arguments.input);
  const auto parts = input.paths();
  keep_inputs({parts.begin(), parts.end()}, arguments.output);
  std::optional<ImportanceMatrix> importance;
  if (!arguments.importance.empty()) importance = ImportanceMatrix::read(arguments.importance);

  const auto start = std::chrono::steady_clock::now();
  Summary summary;
  summary.output = arguments.output.string();
  summary.type = mix.name;
  summary.input_bytes = input.size();
  {
    Progress progress("quantizing", static_cast<std::int64_t>(input.size()), "bytes");
    summary.report = quantize_file(input, arguments.output,
                                   {.mix = mix,
                                    .overrides = overrides,
                                    .importance = importance ? &*importance : nullptr,
                                    .importance_name = arguments.importance.filename().string(),
                                    .threads = arguments.threads},
                                   [&](std::int64_t bytes, const QuantizeReport& so_far) {
                                     progress.note(concat("error ", fixed(so_far.error.relative(), 5)));
                                     progress.add(bytes);
                                     check_interrupted();
                                   });
  }
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.bytes = std::filesystem::file_size(arguments.output);
  warn_of_not_finite(summary.report);
  if (arguments.json) {
    out().print(dump(to_json(summary), 2), '\n');
  } else {
    print_text(summary);
  }
  return 0;
}

}  // namespace

void add_quantize(Command& program) {
  Command& command = program.add_command("quantize", "Write a model with its weights in another type");
  const auto arguments = std::make_shared<QuantizeArguments>();
  command.add_option("IN", arguments->input, "The model, best in F32, F16 or BF16").required();
  command.add_option("OUT", arguments->output, "The file to write").required();
  command.add_option("TYPE", arguments->type, mix_names()).required();
  command
      .add_option("--imatrix", arguments->importance,
                  "An importance matrix of the model (see linnet imatrix): errors count as it says")
      .value_name("FILE");
  command
      .add_option("--tensor-type", arguments->overrides,
                  "A type for the weights whose name holds a match of REGEX; may be repeated, the first that "
                  "fits wins")
      .value_name("REGEX=TYPE");
  command.add_option("-t,--threads", arguments->threads, "Threads; 0: what the machine grants")
      .value_name("N")
      .range(0, 1024);
  command.add_flag("--json", arguments->json, "Print a JSON object");
  command.set_footer(
      "Norms, biases and routers stay F32. Rows that are no multiple of 256 take the nearest type of blocks "
      "of 32.\n"
      "The relative error is the root of the sum of squared errors over the sum of squared weights.\n\n"
      "Example:\n"
      "  linnet quantize model-f16.gguf model-q4_k_m.gguf q4_k_m");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
