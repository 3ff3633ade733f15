// tests/cli/line_ends_test.cpp - a text means the same whether its lines end as on Linux or as on Windows.
#include <algorithm>

#include "program.hpp"

namespace linnet::tests::line_ends_test {
namespace {

const std::string tiny = bundled("tiny-llama.gguf");
const std::string stories = "Once upon a time\n\nOne morning, a fox\n";

/// The same text as Windows writes it.
std::string windows(const std::string& text) {
  std::string result;
  for (char c : text) result += c == '\n' ? "\r\n" : std::string(1, c);
  return result;
}

/// What the program says of this standard input, and that it says the same of the text from Windows.
std::string same_of_both(const std::vector<std::string>& arguments, const std::string& input) {
  const Ended here = run(arguments, {.input = input}), there = run(arguments, {.input = windows(input)});
  expect_success(here);
  expect_success(there);
  EXPECT_EQ(here.out, there.out);
  return here.out;
}

TEST(LineEnds, OfTextsByLine) {
  same_of_both({"embed", "-m", tiny, "--lines"}, stories);
  same_of_both({"tokenize", "-m", tiny, "--json-lines"}, "\"a\"\n\"b\"\n");
  // The speed differs, the rest does not.
  const auto score = [](const std::string& input) {
    const Ended ended = run({"perplexity", "-m", tiny, "--lines"}, {.input = input});
    expect_success(ended);
    return ended.out.substr(0, ended.out.find(';'));
  };
  EXPECT_EQ(score(windows(stories)), score(stories));
}

TEST(LineEnds, OfAPrompt) {
  const std::string said = same_of_both({"run", "-m", tiny, "-n", "4", "--temp", "0"}, "Once upon a\n");
  EXPECT_TRUE(said.starts_with("Once upon a time")) << said;
  same_of_both({"embed", "-m", tiny}, "Once upon a time\n");
}

TEST(LineEnds, OfADialogue) {
  const std::string said = same_of_both({"chat", "-m", tiny, "--temp", "0"},
                                        "dim the kitchen lights to 30 percent\n\n/exit\nand more\n");
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST(LineEnds, OfQuestions) {
  const TemporaryFolder folder;
  write_file(folder / "q.jsonl", "{\"text\": \"a\", \"json\": \"b\"}\r\n\r\n");
  const Ended ended = run({"evaluate", "-m", tiny, "--commands", folder / "q.jsonl", "-n", "1"});
  expect_success(ended);
  EXPECT_NE(ended.out.find("0/1"), std::string::npos) << ended.out;
}

TEST(LineEnds, OfATextInTheTokenizerAreAsTheyAre) {
  EXPECT_NE(run({"tokenize", "-m", tiny}, {.input = "a\r\n"}).out,
            run({"tokenize", "-m", tiny}, {.input = "a\n"}).out);
}

}  // namespace
}  // namespace linnet::tests::line_ends_test
