// tests/cli/program.hpp - runs the built program as a child process and looks at how it ends. Never links it.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <linnet/base/error.hpp>

#include "support/sanitized.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::tests {

inline std::filesystem::path fixture(std::string_view name) {
  return std::filesystem::path(LINNET_SOURCE_DIR) / "tests/reference/fixtures" / name;
}
inline std::filesystem::path bundled(std::string_view name) {
  return std::filesystem::path(LINNET_SOURCE_DIR) / "examples/tiny/models" / name;
}
inline std::filesystem::path held_out(std::string_view name) {
  return std::filesystem::path(LINNET_SOURCE_DIR) / "examples/tiny/heldout" / name;
}
inline constexpr std::string_view bundled_models[] = {"tiny-llama.gguf", "tiny-phi3.gguf",
                                                      "tiny-gemma2.gguf"};

/// How a program ended.
struct Ended {
  int code = -1;   // its exit code; -1: a signal ended it
  int signal = 0;  // that signal
  std::string out, err;
};

/// What surrounds a run.
struct Surroundings {
  std::string input = {};  // standard input
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::optional<std::uint64_t> address_space = std::nullopt;   // bytes: ulimit -v
  std::optional<std::filesystem::path> output = std::nullopt;  // standard output goes there instead
};

/// The program linnet, running.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const Surroundings& around = {})
      : output_(around.output.value_or(folder_ / "out")) {
    write_file(folder_ / "in", around.input);
    if (!around.output) write_file(output_, "");
    std::vector<const char*> argv = {LINNET_PROGRAM};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    const std::string in = folder_ / "in", err = folder_ / "err";
    pid_ = fork();
    if (pid_ == 0) become(argv, around, in, output_, err);
  }
  Program(const Program&) = delete;
  ~Program() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void send(int signal) { kill(pid_, signal); }

  /// Waits until this much text came out. False where it did not within a minute.
  bool wait_for_output(std::uintmax_t bytes) const {
    for (int i = 0; i < 6000; ++i) {
      if (std::filesystem::file_size(output_) >= bytes) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  Ended wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    Ended ended;
    if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
    if (std::filesystem::is_regular_file(output_)) ended.out = read_file(output_);
    ended.err = read_file(folder_ / "err");
    return ended;
  }

 private:
  [[noreturn]] static void become(const std::vector<const char*>& argv, const Surroundings& around,
                                  const std::string& in, const std::string& out, const std::string& err) {
    const auto redirect = [](const std::string& path, int flags, int descriptor) {
      const int opened = open(path.c_str(), flags, 0600);
      if (opened < 0 || dup2(opened, descriptor) < 0) _exit(99);
      close(opened);
    };
    redirect(in, O_RDONLY, 0);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, 1);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, 2);
    for (const auto& [name, value] : around.environment) setenv(name.c_str(), value.c_str(), 1);
    if (around.address_space) {
      const rlimit limit = {*around.address_space, *around.address_space};
      setrlimit(RLIMIT_AS, &limit);
    }
    execv(argv[0], const_cast<char* const*>(argv.data()));
    _exit(98);
  }

  TemporaryFolder folder_;
  std::filesystem::path output_;
  pid_t pid_ = -1;
};

inline Ended run(const std::vector<std::string>& arguments, const Surroundings& around = {}) {
  return Program(arguments, around).wait();
}

/// It did its work and said nothing on standard error.
inline void expect_success(const Ended& ended) {
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.signal, 0);
  EXPECT_EQ(ended.err, "");
}

/// It said why in exactly one line, which contains the text, and nothing on standard output.
inline void expect_failure(const Ended& ended, std::string_view text) {
  EXPECT_EQ(ended.code, 1) << "signal " << ended.signal << ", " << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_TRUE(ended.err.starts_with("linnet: ")) << ended.err;
  EXPECT_NE(ended.err.find(text), std::string::npos) << "expected \"" << text << "\" in: " << ended.err;
  EXPECT_EQ(ended.out, "");
}

}  // namespace linnet::tests
