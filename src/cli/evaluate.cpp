// evaluate.cpp - `linnet evaluate`: what quantization costs a model, in answers and perplexity. Never trains.
#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/printable.hpp>
#include <linnet/runtime/chat.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "divergence.hpp"
#include "documents.hpp"
#include "format.hpp"
#include "greedy.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "quantize_file.hpp"
#include "score.hpp"
#include "temporary_folder.hpp"

namespace linnet::cli {
namespace {

struct EvaluateArguments {
  EngineArguments engine;
  std::filesystem::path commands, stories, importance;
  std::vector<std::string> types;
  std::int64_t max_tokens = 128;
  bool all_types = false, json = false, mistakes = false;
};

struct Question {
  std::string text, answer;
};

struct Result {
  std::string type;
  std::uint64_t bytes = 0;
  std::size_t questions = 0, exact = 0;
  Score score;
  Divergence divergence;  // from the model as stored
  SquaredError error;     // of the weights
  double bits_per_weight = 0;
  double seconds = 0;
};

/// Lines of {"text": ..., "json": ...}: what is asked, and the answer to the letter.
std::vector<Question> read_questions(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  std::vector<Question> questions;
  std::size_t line = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view row = take_line(rest);
    ++line;
    if (row.empty()) continue;
    const Json json = Json::parse(row, nullptr, false);
    if (!json.is_object() || !json.contains("text") || !json["text"].is_string() || !json.contains("json") ||
        !json["json"].is_string())
      fail(ErrorCode::invalid_argument, path_in_quotes(path), ", line ", line,
           ": expected {\"text\": \"...\", \"json\": \"...\"}");
    questions.push_back({json["text"], json["json"]});
  }
  if (questions.empty()) fail(ErrorCode::invalid_argument, path_in_quotes(path), ": no question in it");
  return questions;
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \n"), end = text.find_last_not_of(" \n");
  return begin == text.npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

/// Asks every question through the chat template, greedily, and counts the answers that are right to the
/// letter.
void ask(const EvaluateArguments& arguments, const std::shared_ptr<const Model>& model,
         const std::vector<Question>& questions, Result& result) {
  std::vector<std::vector<Token>> prompts;
  std::size_t longest = 0;
  for (const Question& question : questions) {
    const ChatMessage message = {.role = "user", .content = question.text};
    longest = std::max(longest, prompts.emplace_back(encode_chat(*model, {&message, 1})).size());
  }
  constexpr std::size_t side_by_side = 16;
  const std::int64_t tokens =
      static_cast<std::int64_t>(longest) + arguments.max_tokens + KvCache::page_length;
  Engine engine(model, {.threads = arguments.engine.threads,
                        .cache = {.type = arguments.engine.cache_type,
                                  .tokens = tokens * static_cast<std::int64_t>(side_by_side),
                                  .max_sequences = side_by_side,
                                  .max_batch = 256},
                        .should_stop = interrupted});
  engine.set_adapters(load_adapters(arguments.engine, model));
  Progress progress(concat(result.type, ": asking"), static_cast<std::int64_t>(questions.size()),
                    "questions");
  const auto answers =
      generate_greedily(engine, prompts, arguments.max_tokens, side_by_side, [&] { progress.add(1); });
  result.questions = questions.size();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::string answer = model->tokenizer().decode(answers[i], {.continues = true});
    const bool exact = trim(answer) == trim(questions[i].answer);
    result.exact += exact;
    if (!exact && arguments.mistakes)
      out().print("asked    ", questions[i].text, "\nexpected ", questions[i].answer, "\ngot      ", answer,
                  "\n\n");
  }
}

/// Scores the stories; with a reference, also how far the expectations are from that model's.
void read_stories(const EvaluateArguments& arguments, const std::shared_ptr<const Model>& model,
                  const std::shared_ptr<const Model>& reference, const std::string& stories, Result& result) {
  const auto documents = encode_documents(*model, stories, true);
  const std::int64_t length = std::min<std::int64_t>(512, model->spec().context);
  const Windows windows = {.length = length, .stride = std::max<std::int64_t>(1, length / 2)};
  std::deque<Engine> engines;
  std::vector<Engine*> pointers;
  for (const auto& each : {model, reference}) {
    if (!each) continue;
    Engine& engine = engines.emplace_back(
        each,
        EngineOptions{.threads = arguments.engine.threads,
                      .cache = {.type = arguments.engine.cache_type, .tokens = length, .max_batch = length},
                      .should_stop = interrupted});
    engine.set_adapters(load_adapters(arguments.engine, each));
    pointers.push_back(&engine);
  }
  Progress progress(concat(result.type, ": reading"), static_cast<std::int64_t>(documents.size()), "stories");
  for (const auto& document : documents) {
    visit_text(pointers, document, windows,
               [&](std::span<const std::span<const float>> logits, Token next) {
                 result.score.add(negative_log_likelihood(logits[0], next));
                 if (reference) result.divergence.add(logits[1], logits[0]);
               },
               {});
    progress.add(1);
    check_interrupted();
  }
}

/// What is asked and read, once for all types.
struct Material {
  std::vector<Question> questions;
  std::string stories;
};

double bits_per_weight(const gguf::File& file) {
  std::int64_t bytes = 0, weights = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    bytes += tensor.view.bytes();
    weights += tensor.view.elements();
  }
  return 8 * static_cast<double>(bytes) / static_cast<double>(weights);
}

/// @param reference  the model as it was; null for that model itself
Result evaluate(const EvaluateArguments& arguments, const std::filesystem::path& file, std::string type,
                const std::shared_ptr<const Model>& reference, const Material& material) {
  const auto start = std::chrono::steady_clock::now();
  EngineArguments engine = arguments.engine;
  engine.model = file;
  const auto model = load_model(engine);
  Result result;
  result.type = std::move(type);
  result.bytes = model->file().size();
  result.bits_per_weight = bits_per_weight(model->file());
  if (!material.questions.empty()) ask(arguments, model, material.questions, result);
  if (!material.stories.empty()) read_stories(arguments, model, reference, material.stories, result);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

double exact_share(const Result& result) {
  return result.questions ? static_cast<double>(result.exact) / static_cast<double>(result.questions) : 0;
}

Json to_json(const Result& result) {
  Json json = {
      {"type", result.type}, {"model_bytes", result.bytes}, {"bits_per_weight", result.bits_per_weight}};
  if (result.error.square > 0) json["relative_rms_error"] = result.error.relative();
  if (result.questions > 0) {
    json["questions"] = result.questions;
    json["exact"] = result.exact;
    json["exact_share"] = exact_share(result);
  }
  if (result.score.tokens() > 0) {
    json["perplexity"] = result.score.perplexity();
    json["perplexity_standard_error"] = result.score.perplexity_error();
    json["tokens"] = result.score.tokens();
  }
  if (result.divergence.tokens() > 0) {
    json["kl_mean"] = result.divergence.mean();
    json["kl_max"] = result.divergence.max();
    json["same_top"] = result.divergence.same_top();
  }
  json["seconds"] = result.seconds;
  return json;
}

void print_row(const Result& result) {
  out().print(left(result.type, 10), right(human_bytes(static_cast<double>(result.bytes)), 10),
              right(result.questions ? concat(result.exact, "/", result.questions) : "", 12),
              right(result.questions ? concat(fixed(100 * exact_share(result), 1), " %") : "", 9),
              right(result.score.tokens() ? fixed(result.score.perplexity(), 4) : "", 13), "  ",
              left(result.score.tokens() ? concat("+- ", fixed(result.score.perplexity_error(), 4)) : "", 11),
              result.divergence.tokens() ? right(scientific(result.divergence.mean(), 2), 10) : "", '\n');
  out().flush();
}

std::vector<const quant::Mix*> choose_mixes(const EvaluateArguments& arguments) {
  std::vector<const quant::Mix*> mixes;
  for (const std::string& type : arguments.types) mixes.push_back(&require_mix(type));
  if (arguments.all_types)
    for (const quant::Mix& mix : quant::mixes) mixes.push_back(&mix);
  return mixes;
}

/// Makes each type from the model for the time of its test.
void try_types(const EvaluateArguments& arguments, const std::vector<const quant::Mix*>& mixes,
               const Material& material, const std::function<void(const Result&)>& add) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.gguf";
  const gguf::File original = gguf::File::open(arguments.engine.model);
  const auto reference = load_model(arguments.engine);
  std::optional<ImportanceMatrix> importance;
  if (!arguments.importance.empty()) importance = ImportanceMatrix::read(arguments.importance);
  for (const quant::Mix* mix : mixes) {
    const QuantizeReport report = quantize_file(original, file,
                                                {.mix = *mix,
                                                 .importance = importance ? &*importance : nullptr,
                                                 .importance_name = arguments.importance.filename().string(),
                                                 .threads = arguments.engine.threads},
                                                [](auto...) { check_interrupted(); });
    Result result = evaluate(arguments, file, std::string(mix->name), reference, material);
    result.error = report.error;
    add(result);
  }
}

int run(const EvaluateArguments& arguments) {
  Material material;
  if (arguments.commands.empty() && arguments.stories.empty())
    fail(ErrorCode::invalid_argument, "nothing to evaluate: give --commands, --stories or both");
  if (!arguments.commands.empty()) material.questions = read_questions(arguments.commands);
  if (!arguments.stories.empty()) material.stories = read_text_file(arguments.stories);
  if (!arguments.stories.empty() && filled_lines(material.stories).empty())
    fail(ErrorCode::invalid_argument, path_in_quotes(arguments.stories), ": no text in it");
  const auto mixes = choose_mixes(arguments);

  Json all = Json::array();
  const auto add = [&](const Result& result) {
    if (arguments.json) {
      all.push_back(to_json(result));
    } else {
      print_row(result);
    }
  };
  if (!arguments.json)
    out().print(left("type", 10), right("size", 10), right("commands", 12), right("exact", 9),
                right("perplexity", 13), right("divergence", 23), '\n');
  add(evaluate(arguments, arguments.engine.model, "as stored", nullptr, material));
  if (!mixes.empty()) try_types(arguments, mixes, material, add);
  if (arguments.json) out().print(dump(all, 2), '\n');
  return 0;
}

}  // namespace

void add_evaluate(Command& program) {
  Command& command =
      program.add_command("evaluate", "Compare a model's quantizations on questions and texts");
  const auto arguments = std::make_shared<EvaluateArguments>();
  add_engine_options(command, arguments->engine);
  command
      .add_option("--commands", arguments->commands,
                  "Questions, a line each: {\"text\": ..., \"json\": the answer to the letter}")
      .value_name("FILE");
  command.add_option("--stories", arguments->stories, "Texts for the perplexity, a line each")
      .value_name("FILE");
  command.add_option("--types", arguments->types, concat("Types to quantize to: ", mix_names()))
      .value_name("TYPE,...")
      .comma_separated();
  command.add_option("--imatrix", arguments->importance, "Quantize with this importance matrix")
      .value_name("FILE");
  command.add_flag("--all-types", arguments->all_types, "Every type there is").excludes("--types");
  command.add_option("-n,--max-tokens", arguments->max_tokens, "Most tokens of an answer")
      .range(1, 1 << 20)
      .show_default();
  command.add_flag("--mistakes", arguments->mistakes, "Print every answer that is not exact");
  command.add_flag("--json", arguments->json, "Print a JSON array").excludes("--mistakes");
  command.set_footer(
      "The model as it is, then each type made from it for the time of the test. Questions go through the "
      "chat\n"
      "template; answers are greedy, and exact if they are the expected text to the letter, white space "
      "around it\n"
      "aside. Perplexity as `linnet perplexity --lines` defines it; the divergence is that of the expected "
      "next "
      "token\nfrom the model as stored, in nats, a mean over the tokens of the stories.\n\n"
      "Example:\n"
      "  linnet evaluate -m tiny-llama.gguf --commands commands.jsonl --stories stories.txt --all-types");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
