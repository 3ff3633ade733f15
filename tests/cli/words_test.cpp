// tests/cli/words_test.cpp - what the program says of words that it does not understand.
#include "program.hpp"

namespace linnet::tests::words_test {
namespace {

const std::string small = fixture("llama.gguf");

TEST(Words, ThatAreNearAnOptionOrACommandNameIt) {
  const auto refused = [](std::vector<std::string> words, std::string_view text) {
    std::vector<std::string> arguments = {"run", "-m", small, "-p", "a"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    expect_failure(run(arguments), text);
  };
  refused({"--tmep", "0"}, "not expected: '--tmep' (did you mean --temp?)");
  refused({"--temperature=0"}, "not expected: '--temperature=0' (did you mean --temp?)");
  refused({"--promt", "b"}, "did you mean --prompt?");
  refused({"--max-token", "3"}, "did you mean --max-tokens?");
  refused({"--top-q", "1"}, "did you mean --top-");
  refused({"--zebra"}, "not expected: '--zebra'; see linnet run --help");
  expect_failure(run({"bench", "kernels", "--filtr", "x"}),
                 "(did you mean --filter?); see linnet bench kernels");
  expect_failure(run({"rnu"}), "there is no command 'rnu' (did you mean run?)");
  expect_failure(run({"tokenise"}), "did you mean tokenize?");
  expect_failure(run({"zebra"}), "there is no command 'zebra'; see linnet --help");
  expect_failure(run({"convert"}), "it comes with the Python package; see");
}

TEST(Words, ThatStandInTheWrongPlaceAreNamed) {
  expect_failure(run({}), "a command is missing");
  expect_failure(run({"-v"}), "not expected: '-v'; see linnet --help");
  expect_failure(run({"run", small, "-p", "a"}), "--model is required; not expected: '" + small);
  expect_failure(run({"-m", small, "run", "-p", "a"}), "--model is required; not expected: '-m'");
}

TEST(Words, GivenTwiceAreSaidToBe) {
  expect_failure(run({"run", "-m", small, "-p", "a", "-p", "b"}), "--prompt: given 2 times; give it once");
  expect_failure(run({"run", "-m", small, "-p", "a", "-n", "1", "-n", "2"}), "--max-tokens: given 2 times");
  expect_failure(run({"run", "-p", "a", "-m"}), "--model: its value is missing");
  expect_success(run({"run", "-m", small, "-p", "a", "-n", "1", "--stop", "x", "--stop", "y"}));
}

TEST(Words, ThatAreNumbersOutsideARangeAreRefusedWithIt) {
  expect_failure(run({"perplexity", "-m", small, "-p", "a b", "--context", "-1"}),
                 "--context: expected 0 or more, got '-1'; see");
  expect_failure(run({"run", "-m", small, "-p", "a", "-t", "1025"}),
                 "--threads: expected 0 to 1024, got '1025'; see");
  expect_failure(run({"bench", "kernels", "--seconds", "-0.5"}),
                 "--seconds: expected 0 to 3600, got '-0.5'; see");
}

TEST(Words, OfTheHelpHoldNoTraceOfHowTheyAreRead) {
  for (const std::string command : {"run", "chat", "inspect", "tokenize", "logits", "embed", "perplexity",
                                    "evaluate", "bench", "imatrix", "quantize", "synth"}) {
    const Ended ended = run({command, "--help"});
    expect_success(ended);
    EXPECT_EQ(ended.out.find("{false}"), std::string::npos) << command;
  }
}

TEST(Words, OfAFilterAreSoughtWhereLinnetIsaSays) {
  expect_failure(run({"bench", "kernels", "--filter", "nosuch", "--list"}), "no kernel of this machine has");
  expect_failure(run({"bench", "kernels", "--filter", "/avx2/|/neon", "--list"},
                     {.environment = {{"LINNET_ISA", "scalar"}}}),
                 "no kernel of LINNET_ISA=scalar has");
}

TEST(Words, OfFilesWithNothingToEvaluate) {
  const TemporaryFolder folder;
  const std::string tiny = bundled("tiny-llama.gguf"), empty = folder / "empty";
  write_file(empty, "\n");
  expect_failure(run({"evaluate", "-m", tiny}), "give --commands, --stories or both");
  expect_failure(run({"evaluate", "-m", tiny, "--commands", empty}), "no question in it");
  expect_failure(run({"evaluate", "-m", tiny, "--stories", empty}), "no text in it");
}

}  // namespace
}  // namespace linnet::tests::words_test
