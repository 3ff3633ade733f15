// tests/cli/quality_test.cpp - the bundled models answer as they were trained to, alike on every instruction
// set.
#include <nlohmann/json.hpp>

#include <linnet/kernels/dispatch.hpp>

#include "program.hpp"

namespace linnet::tests::quality_test {
namespace {

using Json = nlohmann::json;

class BundledModel : public testing::TestWithParam<std::string_view> {
 protected:
  std::string model() const { return bundled(GetParam()); }
};

TEST_P(BundledModel, WritesTheSameTextOnEveryInstructionSet) {
  for (const std::vector<std::string>& prompt : {std::vector<std::string>{"-p", "Once upon a time"},
                                                 {"--chat", "-p", "dim the kitchen lights to 30 percent"}}) {
    std::string first;
    for (const kernels::Choice& choice : kernels::choices()) {
      if (!choice.available) continue;
      std::vector<std::string> arguments = {"run", "-m",     model(), "-n",
                                            "128", "--temp", "0",     "--reproducible"};
      arguments.insert(arguments.end(), prompt.begin(), prompt.end());
      const Ended ended = run(arguments, {.environment = {{"LINNET_ISA", std::string(choice.table->isa)}}});
      expect_success(ended);
      if (first.empty()) first = ended.out;
      EXPECT_EQ(ended.out, first) << choice.table->isa;
    }
  }
}

TEST_P(BundledModel, AnswersHeldOutCommandsToTheLetter) {
  std::string commands = held_out("commands.jsonl");
  const TemporaryFolder folder;
  if (sanitized) {  // the first 25 lines
    const std::string all = read_file(commands);
    std::size_t end = 0;
    for (int i = 0; i < 25; ++i) end = all.find('\n', end) + 1;
    commands = folder / "commands.jsonl";
    write_file(commands, all.substr(0, end));
  }
  const Ended ended = run({"evaluate", "-m", model(), "--commands", commands, "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["questions"], sanitized ? 25 : 500);
  const double bar = sanitized ? 0.8 : 0.95;  // 25 questions are few: two unlucky ones are 8 %
  EXPECT_GE(json[0]["exact_share"].get<double>(), bar) << ended.out;
}

INSTANTIATE_TEST_SUITE_P(All, BundledModel, testing::ValuesIn(bundled_models), [](const auto& info) {
  std::string name(info.param.substr(5, info.param.find('.') - 5));
  return name;
});

TEST(Evaluate, MeasuresEveryTypeAskedFor) {
  const TemporaryFolder folder;
  const std::string stories = read_file(held_out("stories.txt"));
  write_file(folder / "stories.txt", stories.substr(0, stories.find('\n')));
  const Ended ended = run({"evaluate", "-m", bundled("tiny-llama.gguf"), "--stories", folder / "stories.txt",
                           "--types", "f16,q4_k_m,q2_k", "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  ASSERT_EQ(json.size(), 4u);
  EXPECT_EQ(json[0]["type"], "as stored");
  EXPECT_EQ(json[2]["type"], "Q4_K_M");
  // F16 holds what Q8_0 says but for rounding.
  EXPECT_NEAR(json[0]["perplexity"].get<double>(), json[1]["perplexity"].get<double>(), 0.02);
  EXPECT_LT(json[3]["model_bytes"], json[2]["model_bytes"]);
}

}  // namespace
}  // namespace linnet::tests::quality_test
