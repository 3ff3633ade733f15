// tests/cli/ending_test.cpp - Ctrl-C and readers that go away end the program cleanly.
#include <csignal>
#include <cstdlib>

#include "program.hpp"

namespace linnet::tests::ending_test {
namespace {

const std::string tiny = bundled("tiny-llama.gguf");
const std::vector<std::string> endless = {"run", "-m", tiny,           "-p",         "Once upon a time",
                                          "-n",  "-1", "--ignore-eos", "--overflow", "shift"};

TEST(Ending, CtrlCKeepsWhatWasWritten) {
  Program program(endless);
  ASSERT_TRUE(program.wait_for_output(200));
  program.send(SIGINT);
  const Ended ended = program.wait();
  EXPECT_EQ(ended.code, 130);
  EXPECT_EQ(ended.err, "");
  EXPECT_TRUE(ended.out.starts_with("Once upon a time")) << ended.out;
  EXPECT_TRUE(ended.out.ends_with("\n"));
}

TEST(Ending, CtrlCLeavesNoHalfFile) {
  const TemporaryFolder folder;
  Program program({"synth", "--shape", "mistral-7b", "--type", "f16", "-o", folder / "m.gguf"});
  for (int i = 0; i < 3000 && folder.names().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(SIGINT);
  const Ended ended = program.wait();
  if (ended.err.find("the disk has") != std::string::npos) GTEST_SKIP() << ended.err;
  EXPECT_EQ(ended.code, 130) << ended.err;
  EXPECT_EQ(ended.err, "linnet: interrupted\n");
  EXPECT_TRUE(folder.names().empty());
}

TEST(Ending, CtrlCEndsLoadingAtOnce) {
  const TemporaryFolder folder;
  const std::string model = folder / "m.gguf";
  const Ended made = run({"synth", "--shape", "llama-3.2-1b", "--layers", sanitized ? "2" : "16", "--type",
                          "q4_0", "-o", model});
  if (made.err.find("the disk has") != std::string::npos) GTEST_SKIP() << made.err;
  expect_success(made);
  using Clock = std::chrono::steady_clock;
  const auto seconds_of = [&](int delay_ms) {
    const Clock::time_point start = Clock::now();
    Program program({"run", "-m", model, "-p", "a", "-n", "0", "-t", "1"});
    if (delay_ms > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
      program.send(SIGINT);
    }
    const Ended ended = program.wait();
    if (delay_ms > 0 && ended.code != 0) {
      EXPECT_EQ(ended.code, 130) << ended.err;
      EXPECT_EQ(ended.err, "linnet: interrupted\n");
    }
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const double whole = seconds_of(0);
  if (whole < 0.4) GTEST_SKIP() << "loading took " << whole << " s: too short to interrupt";
  EXPECT_LT(seconds_of(static_cast<int>(1000 * whole / 4)), 0.75 * whole) << "of " << whole << " s";
}

TEST(Ending, CtrlCOfABenchmarkPrintsWhatWasMeasured) {
  Program program({"bench", "-m", tiny, "-p", "8", "-n", "1000000", "-r", "1", "--no-limits", "--json"});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  program.send(SIGINT);
  const Ended ended = program.wait();
  EXPECT_EQ(ended.code, 130) << ended.err;
  EXPECT_TRUE(ended.out.starts_with("[") && ended.out.ends_with("]\n")) << ended.out;
}

TEST(Ending, AReaderThatGoesAwayIsNoError) {
  std::string command = concat("'", LINNET_PROGRAM, "'");
  for (const std::string& argument : endless) command += concat(" '", argument, "'");
  const TemporaryFolder folder;
  command += concat(" 2> '", (folder / "err").string(), "' | head -c 20 > /dev/null; exit ${PIPESTATUS[0]}");
  setenv("LINNET_COMMAND", command.c_str(), 1);
  const int ended = std::system("bash -c \"$LINNET_COMMAND\"");
  EXPECT_TRUE(WIFEXITED(ended));
  EXPECT_EQ(WEXITSTATUS(ended), 0);
  EXPECT_EQ(read_file(folder / "err"), "");
}

}  // namespace
}  // namespace linnet::tests::ending_test
