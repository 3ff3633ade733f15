// run.cpp - `linnet run`: a prompt in, the model's text out, as it is written. Never holds a dialogue.
#include <optional>
#include <string>
#include <vector>

#include <linnet/runtime/chat.hpp>
#include <linnet/runtime/session.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "generation.hpp"
#include "interrupt.hpp"
#include "json_text.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "sampling_arguments.hpp"
#include "template_arguments.hpp"

namespace linnet::cli {
namespace {

struct RunArguments {
  EngineArguments engine;
  TextArguments text;
  SamplingArguments sampling;
  std::int64_t context = 0;
  Overflow overflow = Overflow::stop;
  std::int64_t keep = SessionOptions().keep;
  bool chat = false;
  TemplateArguments chat_template;
  bool no_echo = false;
  bool json = false;
  bool stats = false;
  std::filesystem::path load_session, save_session;  // empty: none
};

/// The tokens of the prompt; one that goes on with a session has no BOS.
std::vector<Token> encode_prompt(const RunArguments& arguments, const Model& model, const std::string& text,
                                 bool continues) {
  if (!arguments.chat)
    return model.tokenizer().encode(
        text,
        {.add_special = !continues, .parse_special = !arguments.chat_template.no_special, .goes_on = true});
  std::vector<ChatMessage> messages = arguments.chat_template.first_messages();
  messages.push_back({.role = "user", .content = text});
  std::vector<Token> tokens = arguments.chat_template.encode(model, messages);
  if (continues && !tokens.empty() && tokens[0] == model.tokenizer().vocabulary().bos())
    tokens.erase(tokens.begin());
  return tokens;
}

void print_json(const Generation& generation, std::string_view text, std::uint64_t seed) {
  const GenerationStats& stats = generation.stats();
  const Json json = {{"text", text},
                     {"tokens", generation.tokens()},
                     {"stop_reason", name_of(generation.stop_reason())},
                     {"seed", seed},
                     {"prompt_tokens", stats.prompt_tokens},
                     {"generated_tokens", stats.generated_tokens},
                     {"prefill_seconds", stats.prefill_seconds},
                     {"decode_seconds", stats.decode_seconds},
                     {"prefill_tokens_per_second", stats.prefill_rate()},
                     {"decode_tokens_per_second", stats.decode_rate()}};
  out().print(dump(json, 2), '\n');
}

/// Writes the text while it is generated, after `echo`. Returns all that was generated.
std::string stream(Generation& generation, std::string_view echo, bool quiet,
                   std::optional<Progress>& prefill) {
  std::string text;
  bool more = generation.next();
  prefill.reset();
  if (!quiet) out().print(echo);
  for (; more; more = generation.next()) {
    text += generation.piece();
    if (quiet) continue;
    out().print(generation.piece());
    out().flush();
  }
  const std::string_view last = text.empty() ? echo : std::string_view(text);
  if (!quiet && !last.ends_with('\n')) out().print('\n');
  out().flush();
  return text;
}

int run(const RunArguments& arguments) {
  if (!arguments.save_session.empty())
    keep_inputs({arguments.engine.model, arguments.text.file}, arguments.save_session);
  const auto model = load_model(arguments.engine);
  const SamplingOptions sampling = arguments.sampling.over_defaults_of(*model);
  // A session goes on without a prompt.
  const bool may_lack = !arguments.load_session.empty();
  const std::string text = may_lack && !arguments.text.given() ? "" : read_prompt(arguments.text);

  std::optional<Progress> prefill;
  const SessionOptions defaults;
  Session session(model, {.context = arguments.context,
                          .threads = arguments.engine.threads,
                          .cache_type = arguments.engine.cache_type,
                          .max_batch = defaults.max_batch,
                          .overflow = arguments.overflow,
                          .keep = arguments.keep,
                          .should_stop = [&] {
                            if (prefill) prefill->add(defaults.max_batch);
                            return interrupted();
                          }});
  session.set_adapters(load_adapters(arguments.engine, model));
  if (!arguments.load_session.empty()) session.load(arguments.load_session);
  std::vector<Token> prompt = encode_prompt(arguments, *model, text, session.length() > 0);
  prefill.emplace("reading the prompt", static_cast<std::int64_t>(prompt.size()) + defaults.max_batch,
                  "tokens");
  Generation generation = session.generate(std::move(prompt), sampling);
  const bool echo = !arguments.chat && !arguments.no_echo;
  const std::string written = stream(generation, echo ? text : "", arguments.json, prefill);
  warn_of_length(*model, session.length());
  if (arguments.json) print_json(generation, written, *sampling.seed);
  if (!arguments.save_session.empty()) session.save(arguments.save_session);
  if (arguments.stats || (stderr_is_terminal() && stdout_is_terminal() && !arguments.json))
    print_stats(generation.stats(), generation.stop_reason(), session.engine().threads(),
                session.engine().isa());
  return generation.stop_reason() == StopReason::cancelled ? interrupted_exit_code() : 0;
}

void add_options(Command& command, RunArguments& arguments) {
  add_engine_options(command, arguments.engine);
  add_text_options(command, arguments.text, "The prompt");
  command
      .add_option("-c,--context", arguments.context,
                  "Most tokens in all; 0: the model's own length, at most 4096 and what --memory holds")
      .value_name("N");
  command
      .add_option(
          "--overflow",
          [&arguments](const std::string& name) {
            arguments.overflow = name == "shift" ? Overflow::shift : Overflow::stop;
          },
          "At the end of the context: stop (a prompt that does not fit is refused), or shift (forget the "
          "older "
          "half, go on)")
      .one_of({"stop", "shift"})
      .show_default("stop");
  command.add_option("--keep", arguments.keep, "First tokens that a shift never forgets").show_default();
  command
      .add_option(
          "--load-session", arguments.load_session,
          "Go on where a session was saved; the prompt goes after it, and may be missing (-p - reads it)")
      .value_name("FILE");
  command
      .add_option("--save-session", arguments.save_session, "At the end save all that was read and written")
      .value_name("FILE");
  command.add_flag("--chat", arguments.chat, "Put the prompt through the model's chat template");
  arguments.chat_template.add_to(command, true);
  command.add_flag("--no-echo", arguments.no_echo, "Print only what the model writes (as --chat does)");
  command.add_flag("--json", arguments.json, "Print one JSON object at the end instead of the text");
  command.add_flag("--stats", arguments.stats,
                   "Print tokens and speed to standard error (default on a terminal)");
  arguments.sampling.add_to(command);
}

}  // namespace

void add_run(Command& program) {
  Command& command = program.add_command("run", "Continue a text, or answer with --chat");
  const auto arguments = std::make_shared<RunArguments>();
  add_options(command, *arguments);
  command.set_footer(
      "Ctrl-C ends the text cleanly. Of a prompt from a file or standard input, one newline at the end is "
      "dropped.\n\n"
      "Examples:\n"
      "  linnet run -m model.gguf -p \"Once upon a time\" -n 100 --temp 0.7 --seed 1\n"
      "  linnet run -m model.gguf --chat -p \"dim the kitchen lights to 30 percent\" --temp 0\n"
      "  linnet run -m model.gguf --lora style.gguf:0.8 -p \"Dear Sir,\"\n"
      "  linnet run -m model.gguf -f long.txt -n 0 --save-session long.session\n"
      "  linnet run -m model.gguf --load-session long.session -p \"In short:\"");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
