// tests/cli/terminal_test.cpp - the program on a terminal: what it shows there, and what is typed there.
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <chrono>

#include <linnet/gguf/reader.hpp>
#include <linnet/gguf/writer.hpp>

#include "program.hpp"

namespace linnet::tests::terminal_test {
namespace {

const std::string tiny = bundled("tiny-llama.gguf");

/// The program, on a terminal of its own.
class OnTerminal {
 public:
  OnTerminal(const std::vector<std::string>& arguments, unsigned short columns,
             const std::vector<std::pair<std::string, std::string>>& environment = {})
      : terminal_(posix_openpt(O_RDWR | O_NOCTTY)) {
    std::vector<const char*> argv = {LINNET_PROGRAM};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    EXPECT_EQ(grantpt(terminal_), 0);
    EXPECT_EQ(unlockpt(terminal_), 0);
    const std::string name = ptsname(terminal_);
    const int inside = open(name.c_str(), O_RDWR | O_NOCTTY);  // the width stays while somebody holds it open
    const winsize size = {.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(ioctl(inside, TIOCSWINSZ, &size), 0);
    pid_ = fork();
    if (pid_ == 0) {
      for (const auto& [key, value] : environment) setenv(key.c_str(), value.c_str(), 1);
      setsid();
      const int own = open(name.c_str(), O_RDWR);  // the first one becomes the controlling terminal
      for (int descriptor = 0; descriptor <= 2; ++descriptor) dup2(own, descriptor);
      execv(argv[0], const_cast<char* const*>(argv.data()));
      _exit(98);
    }
    close(inside);
  }
  OnTerminal(const OnTerminal&) = delete;
  ~OnTerminal() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    close(terminal_);
  }

  /// Waits until this was shown, and types. False where nothing was shown for five minutes.
  bool type_after(std::string_view shown, const std::string& keys) {
    const std::size_t before = shown_to_;
    while (shown_.find(shown, before) == std::string::npos)
      if (!read_more()) return false;
    shown_to_ = shown_.find(shown, before) + shown.size();
    return write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size());
  }

  /// Its exit code; then text() is all that it showed.
  int wait() {
    while (read_more()) continue;
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  const std::string& text() const { return shown_; }

 private:
  bool read_more() {
    pollfd ready = {.fd = terminal_, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 300'000) != 1) return false;
    char bytes[4096];
    const ssize_t got = read(terminal_, bytes, sizeof bytes);
    if (got <= 0) return false;
    shown_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int terminal_;
  pid_t pid_ = -1;
  std::string shown_;
  std::size_t shown_to_ = 0;
};

constexpr std::string_view wipe = "\r\x1b[K";
const std::string ctrl_c = "\x03";

TEST(Terminal, AProgressLineFitsTheWindow) {
  const std::string stories = held_out("stories.txt");
  for (const std::size_t columns : {100u, 30u}) {
    OnTerminal program({"perplexity", "-m", tiny, "-f", stories, "--float32", "--context", "64", "-t", "1"},
                       static_cast<unsigned short>(columns), {{"LINNET_ISA", "scalar"}});
    ASSERT_TRUE(program.type_after(" %, ", ctrl_c)) << program.text();
    EXPECT_EQ(program.wait(), 130) << program.text();
    const std::string& text = program.text();
    const std::size_t begin = text.find(wipe) + wipe.size();
    const std::string line = text.substr(begin, text.find(wipe, begin) - begin);
    EXPECT_LT(line.size(), columns + ctrl_c.size() + 1) << line;  // the terminal shows the key as ^C
    EXPECT_EQ(columns == 100, line.starts_with("scoring [")) << line;
  }
}

TEST(Terminal, ADumbOneGetsNoEscapes) {
  for (const auto& [kind, escapes] : {std::pair{"xterm", true}, std::pair{"dumb", false}}) {
    OnTerminal program({"inspect", "/no/such/file"}, 80, {{"TERM", kind}, {"NO_COLOR", ""}});
    EXPECT_EQ(program.wait(), 1);
    EXPECT_EQ(program.text().find('\x1b') != std::string::npos, escapes) << program.text();
  }
}

TEST(Terminal, BenchKernelsShowsHowFarItIsWhereRowsDoNot) {
  OnTerminal program(
      {"bench", "kernels", "--filter", "packed_matmul/Q._./.*/1$", "-t", "1", "--seconds", "0.4", "--json"},
      100, {{"LINNET_ISA", "scalar"}});
  ASSERT_TRUE(program.type_after(" kernels/s", ctrl_c)) << program.text();
  EXPECT_EQ(program.wait(), 130) << program.text();
  EXPECT_NE(program.text().find("measuring ["), std::string::npos) << program.text();
}

TEST(Terminal, ADialogueGoesOnAfterALineThatTheTerminalCut) {
  OnTerminal chat({"chat", "-m", tiny, "--temp", "0"}, 80);
  ASSERT_TRUE(chat.type_after("> ", std::string(4090, 'a'))) << chat.text();
  ASSERT_TRUE(chat.type_after("aaaa", std::string(20, 'b') + "\n"));
  ASSERT_TRUE(chat.type_after("no more than 4095 bytes", "caf\xe9\n")) << chat.text();
  ASSERT_TRUE(chat.type_after("is not valid UTF-8", "dim the kitchen lights to 30 percent\n")) << chat.text();
  ASSERT_TRUE(chat.type_after("\"kitchen\"", "/exit\n")) << chat.text();
  EXPECT_EQ(chat.wait(), 0) << chat.text();
}

TEST(Terminal, AModelWithoutAChatTemplateIsRefusedBeforeAnybodyTypes) {
  const std::string small = fixture("llama.gguf");
  expect_failure(run({"chat", "-m", small}), "this model has no chat template");
  const TemporaryFolder folder;
  const gguf::File file = gguf::File::open(std::filesystem::path(tiny));
  gguf::Writer writer = gguf::Writer::copy_of(file);
  writer.metadata.set("tokenizer.chat_template",
                      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not "
                      "supported') }}{% endif %}{{ m.content }}{% endfor %}");
  writer.write(folder / "m.gguf");
  expect_success(run({"chat", "-m", folder / "m.gguf"}));
  expect_failure(run({"chat", "-m", folder / "m.gguf", "--system", "a"}), "System role not supported");
}

}  // namespace
}  // namespace linnet::tests::terminal_test
