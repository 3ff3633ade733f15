// chat.cpp - `linnet chat`: a dialogue on the terminal. Never keeps it.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <linnet/runtime/chat.hpp>
#include <linnet/runtime/session.hpp>

#include "arguments.hpp"
#include "commands.hpp"
#include "generation.hpp"
#include "interrupt.hpp"
#include "lines.hpp"
#include "output.hpp"
#include "sampling_arguments.hpp"
#include "template_arguments.hpp"

namespace linnet::cli {
namespace {

struct ChatArguments {
  EngineArguments engine;
  SamplingArguments sampling;
  std::int64_t context = 0;
  TemplateArguments chat_template;
  bool stats = false;
};

/// Lines of standard input, as they come.
class LineReader {
 public:
  /// The next line, or nothing at the end of the input and after Ctrl-C.
  std::optional<std::string> next() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string line(without_line_end(std::string_view(buffer_).substr(0, end + 1)));
        buffer_.erase(0, end + 1);
        return line;
      }
      char chunk[4096];
      const ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (interrupted()) return std::nullopt;
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return buffer_.empty() ? std::nullopt : std::optional(std::exchange(buffer_, {}));
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
  }

 private:
  std::string buffer_;
};

/// A session and what was said in it.
class Dialogue {
 public:
  Dialogue(const ChatArguments& arguments, std::shared_ptr<const Model> model)
      : model_(std::move(model)),
        sampling_(arguments.sampling.over_defaults_of(*model_)),
        session_(model_, {.context = arguments.context,
                          .threads = arguments.engine.threads,
                          .cache_type = arguments.engine.cache_type,
                          .should_stop = interrupted}),
        template_(arguments.chat_template),
        stats_(arguments.stats) {
    session_.set_adapters(load_adapters(arguments.engine, model_));
    messages_ = template_.first_messages();
    fixed_ = messages_.size();
    check_template();
  }

  /// Prints the answer while it is written, and remembers it.
  /// @throws Error(context_full) for a text that the context cannot hold; the dialogue stays as it was.
  void say(std::string text) {
    Generation generation = ask(std::move(text));
    std::string answer;
    for (std::string_view piece : generation) {
      answer += piece;
      out().print(piece);
      out().flush();
    }
    out().print('\n');
    out().flush();
    messages_.push_back({.role = "assistant", .content = std::move(answer)});
    warn_of_length(*model_, session_.length());
    if (stats_)
      print_stats(generation.stats(), generation.stop_reason(), session_.engine().threads(),
                  session_.engine().isa());
  }

  void forget() { messages_.resize(fixed_); }

 private:
  /// Refuses a model without a chat template, and one whose template takes no system message, before anybody
  /// types. @throws as encode_chat.
  void check_template() const {
    std::vector<ChatMessage> first = messages_;
    first.push_back({.role = "user", .content = "?"});
    template_.encode(*model_, first);
  }

  /// Remembers the text, unless there is no answering it.
  Generation ask(std::string text) {
    std::vector<ChatMessage> before = messages_;
    try {
      messages_.push_back({.role = "user", .content = std::move(text)});
      return session_.generate(prompt(), sampling_);
    } catch (...) {
      messages_ = std::move(before);
      throw;
    }
  }

  /// The tokens of the dialogue that the session does not hold yet; it forgets what no longer fits together.
  std::vector<Token> prompt() {
    std::vector<Token> tokens = template_.encode(*model_, messages_);
    // Room for an answer; beyond it the oldest question and its answer are forgotten.
    const std::int64_t room = session_.context() - session_.context() / 4;
    while (static_cast<std::int64_t>(tokens.size()) > room && messages_.size() > fixed_ + 2) {
      messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(fixed_),
                      messages_.begin() + static_cast<std::ptrdiff_t>(fixed_ + 2));
      tokens = template_.encode(*model_, messages_);
    }
    const auto held = session_.tokens();
    const auto [end, unused] = std::mismatch(tokens.begin(), tokens.end(), held.begin(), held.end());
    // The last token is always computed: its logits are what the answer starts from.
    const auto same =
        std::min<std::ptrdiff_t>(end - tokens.begin(), static_cast<std::ptrdiff_t>(tokens.size()) - 1);
    session_.truncate(same);
    tokens.erase(tokens.begin(), tokens.begin() + same);
    return tokens;
  }

  std::shared_ptr<const Model> model_;
  SamplingOptions sampling_;
  Session session_;
  const TemplateArguments& template_;
  bool stats_;
  std::vector<ChatMessage> messages_;
  std::size_t fixed_;  // messages that are never forgotten
};

/// @throws Error(invalid_argument) for a line that is no text, and for one that a terminal may have cut:
/// Linux drops what is typed or pasted into a line beyond 4095 bytes.
void check_line(std::string_view line, bool typed) {
  require_utf8(line, "the line");
  constexpr std::size_t longest = 4095;
  if (typed && line.size() >= longest)
    fail(ErrorCode::invalid_argument, "a terminal passes on no more than ", longest,
         " bytes of a line, so its end may be lost; put it into a file: linnet chat < FILE, or "
         "linnet run --chat -f FILE");
}

int run(const ChatArguments& arguments) {
  Dialogue dialogue(arguments, load_model(arguments.engine));
  const bool typed = ::isatty(STDIN_FILENO) == 1, terminal = typed && stdout_is_terminal();
  constexpr std::string_view commands =
      "/reset starts over, /exit or Ctrl-D ends, /help says this; Ctrl-C ends an answer\n";
  if (terminal) out().print(commands);
  LineReader lines;
  for (;;) {
    if (terminal) out().print("> ");
    out().flush();
    const std::optional<std::string> line = lines.next();
    if (!line) break;
    if (*line == "/exit") break;
    if (*line == "/reset") dialogue.forget();
    if (*line == "/help") out().print(commands);
    if (line->empty() || *line == "/reset" || *line == "/help") continue;
    try {
      check_line(*line, typed);
      dialogue.say(*line);
    } catch (const Error& error) {
      // Who types can say it in another way.
      const bool goes_on =
          error.code() == ErrorCode::context_full || (typed && error.code() == ErrorCode::invalid_argument);
      if (!goes_on) throw;
      print_error(
          concat("linnet: warning: this line is dropped, the dialogue goes on: ", error.what(), '\n'));
    }
    // On a terminal Ctrl-C ends an answer; the dialogue goes on.
    if (interrupted() && !(terminal && forget_interrupt())) return interrupted_exit_code();
  }
  if (terminal) out().print('\n');
  return interrupted() ? interrupted_exit_code() : 0;
}

}  // namespace

void add_chat(Command& program) {
  Command& command = program.add_command("chat", "Talk with a model, line by line");
  const auto arguments = std::make_shared<ChatArguments>();
  add_engine_options(command, arguments->engine);
  command
      .add_option("-c,--context", arguments->context,
                  "Most tokens in all; 0: the model's own length, at most 4096 and what --memory holds")
      .value_name("N");
  arguments->chat_template.add_to(command, false);
  command.add_flag("--stats", arguments->stats, "Print tokens and speed to standard error");
  arguments->sampling.add_to(command);
  command.set_footer(
      "Each line is what you say. When the context is full, the oldest questions and answers are "
      "forgotten.\n"
      "Arrow keys and a history of lines come with rlwrap: rlwrap linnet chat -m model.gguf\n\n"
      "Example:\n"
      "  linnet chat -m model.gguf --system \"You are brief.\"");
  command.set_action([arguments] { return run(*arguments); });
}

}  // namespace linnet::cli
