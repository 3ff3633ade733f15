// tests/cli/bad_input_test.cpp - whatever is wrong is one clear line: never a signal, never half a file.
#include <cstdint>

#include <linnet/gguf/writer.hpp>

#include "program.hpp"

namespace linnet::tests::bad_input_test {
namespace {

const std::string small = fixture("llama.gguf");
const std::string tiny = bundled("tiny-llama.gguf");

/// Every subcommand that reads a model, on this file.
std::vector<std::vector<std::string>> readers(const std::string& model, const std::string& out) {
  return {{"run", "-m", model, "-p", "a"},
          {"chat", "-m", model},
          {"logits", "-m", model, "--tokens", "1,2", "-o", out},
          {"embed", "-m", model, "-p", "a b"},
          {"perplexity", "-m", model, "-p", "a b"},
          {"evaluate", "-m", model, "--stories", held_out("stories.txt")},
          {"bench", "-m", model, "-p", "4", "-n", "2", "-r", "1"}};
}

class BadInput : public testing::Test {
 protected:
  /// A copy of the small model, changed before it is written.
  template <class Change>
  std::string changed(Change change) {
    const gguf::File file = gguf::File::open(std::filesystem::path(small));
    gguf::Writer writer = gguf::Writer::copy_of(file);
    change(writer);
    const std::string path = folder_ / "changed.gguf";
    writer.write(path);
    return path;
  }

  /// A copy in which one tensor has another type or shape, and zeros for values.
  std::string with_tensor(std::string_view name, DType type, std::initializer_list<std::int64_t> shape) {
    const gguf::File file = gguf::File::open(std::filesystem::path(small));
    gguf::Writer writer;
    writer.metadata = file.metadata();
    for (const gguf::Tensor& tensor : file.tensors()) {
      if (tensor.name == name) {
        writer.add_tensor(name, type, shape);
      } else {
        writer.add_tensor(tensor.name, tensor.view, tensor.dims);
      }
    }
    const std::string path = folder_ / "changed.gguf";
    writer.write(path, [](const gguf::Tensor&, gguf::TensorSink& sink) {
      const std::vector<std::byte> zeros(sink.remaining());
      sink.append(std::span(zeros));
    });
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(BadInput, FilesThatAreNoModel) {
  const std::string bytes = read_file(small);
  write_file(folder_ / "empty.gguf", "");
  write_file(folder_ / "truncated.gguf", bytes.substr(0, bytes.size() / 2));
  write_file(folder_ / "foreign.gguf", "PK\x03\x04 this is an archive, and no model at all");
  const std::pair<std::string, std::string_view> cases[] = {{folder_ / "missing.gguf", "missing.gguf"},
                                                            {folder_ / "empty.gguf", "empty.gguf"},
                                                            {folder_ / "truncated.gguf", "truncated.gguf"},
                                                            {folder_ / "foreign.gguf", "foreign.gguf"},
                                                            {folder_.path().string(), ""}};
  const auto names = folder_.names();
  for (const auto& [file, text] : cases) {
    for (const auto& arguments : readers(file, folder_ / "out.npy")) expect_failure(run(arguments), text);
    expect_failure(run({"inspect", file}), text);
    expect_failure(run({"tokenize", "-m", file, "-p", "a"}), text);
    expect_failure(run({"quantize", file, folder_ / "out.gguf", "q8_0"}), text);
  }
  EXPECT_EQ(folder_.names(), names);
}

TEST_F(BadInput, WhatOtherProgramsTakeForAModel) {
  expect_failure(run({"run", "-m", "https://example.org/model.gguf", "-p", "a"}), "is an address");
  write_file(folder_ / "config.json", "{}");
  expect_failure(run({"run", "-m", folder_.path().string(), "-p", "a"}), "with linnet convert");
}

TEST_F(BadInput, AnUnknownArchitecture) {
  const std::string file = changed([](gguf::Writer& w) { w.metadata.set("general.architecture", "parrot"); });
  for (const auto& arguments : readers(file, folder_ / "out.npy")) expect_failure(run(arguments), "'parrot'");
  const Ended inspected = run({"inspect", file});
  expect_success(inspected);
  EXPECT_NE(inspected.out.find("parrot"), std::string::npos);
}

TEST_F(BadInput, ATensorOfTheWrongShapeOrType) {
  expect_failure(run({"run", "-m", with_tensor("blk.0.attn_q.weight", DType::f32, {64, 32}), "-p", "a"}),
                 "blk.0.attn_q.weight");
  expect_failure(run({"run", "-m", with_tensor("blk.1.ffn_up.weight", DType::i32, {64, 40}), "-p", "a"}),
                 "blk.1.ffn_up.weight");
}

TEST_F(BadInput, IdsOutsideTheVocabulary) {
  const std::string out = folder_ / "out.npy";
  expect_failure(run({"logits", "-m", small, "--tokens", "1,101", "-o", out}), "101");
  expect_failure(run({"logits", "-m", small, "--tokens", "1,-1", "-o", out}), "-1");
  expect_failure(run({"logits", "-m", small, "--tokens", "1,two", "-o", out}), "two");
  expect_failure(run({"logits", "-m", small, "--tokens", "99999999999", "-o", out}), "99999999999");
  expect_failure(run({"tokenize", "-m", small, "--decode", "-p", "101"}), "101");
  expect_failure(run({"run", "-m", small, "-p", "a", "--logit-bias", "101=1"}), "101");
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(BadInput, APromptLongerThanTheContext) {
  std::string prompt;
  for (int i = 0; i < 200; ++i) prompt += "a b c ";
  expect_failure(run({"run", "-m", small, "-c", "64", "-p", prompt}), "64");
}

TEST_F(BadInput, MoreTokensThanTheModelWasTrainedForAreWarnedOf) {
  const auto warns = [](const std::vector<std::string>& arguments) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.err ==
           "linnet: warning: the model was trained for 512 tokens; what it says beyond them means "
           "little\n";
  };
  const std::vector<std::string> run_on = {"run", "-m", tiny, "-p", "a", "--ignore-eos", "-n", "520", "-c"};
  const auto with_context = [&](const char* context) {
    std::vector<std::string> arguments = run_on;
    arguments.push_back(context);
    return arguments;
  };
  EXPECT_TRUE(warns(with_context("600")));
  expect_success(run(with_context("512")));
  expect_success(run({"run", "-m", tiny, "-p", "a", "-n", "4", "-c", "600"}));
  std::string text;
  for (int i = 0; i < 300; ++i) text += "a b ";
  EXPECT_TRUE(warns({"perplexity", "-m", tiny, "-p", text, "--context", "600"}));
  expect_success(run({"perplexity", "-m", tiny, "-p", text}));
}

TEST_F(BadInput, TextThatIsNoUtf8) {
  const std::string bad = "caf\xe9!";
  write_file(folder_ / "latin1.txt", bad);
  for (const std::vector<std::string>& text :
       {std::vector<std::string>{"-p", bad}, {"-f", (folder_ / "latin1.txt").string()}}) {
    for (std::vector<std::string> arguments : {std::vector<std::string>{"run", "-m", small},
                                               {"tokenize", "-m", small},
                                               {"perplexity", "-m", small}}) {
      arguments.insert(arguments.end(), text.begin(), text.end());
      expect_failure(run(arguments), "UTF-8");
    }
  }
  expect_failure(run({"run", "-m", small}, {.input = bad}), "offset 3");
}

TEST_F(BadInput, WrongUsage) {
  expect_failure(run({}), "linnet --help");
  expect_failure(run({"sing"}), "no command 'sing'; see linnet --help");
  expect_failure(run({"convert", "folder", "out.gguf"}), "comes with the Python package");
  expect_failure(run({"run"}), "--model");
  expect_failure(run({"run", "-m", small, "--loud", "3"}), "not expected: '--loud'; see linnet run --help");
  expect_failure(run({"bench", "kernels", "-m", small}), "'-m'; see linnet bench kernels --help");
  expect_failure(run({"run", "-m", small, "-n", "many"}), "many");
  expect_failure(run({"run", "-m", small, "-p", "a", "--top-p", "2"}), "top_p");
  expect_failure(run({"run", "-m", small, "-p", "a", "--order", "top_k;wishes"}), "wishes");
  expect_failure(run({"run", "-m", small, "-p", "a", "--chat"}), "chat template");
  expect_failure(run({"run", "-m", small, "-p", "a", "--kv-type", "q2_k"}), "q2_k");
  expect_failure(run({"run", "-m", small, "-p", "a", "-c", "-5"}), "-5");
  expect_failure(run({"run", "-m", small, "-p", "a"}, {.environment = {{"LINNET_ISA", "abacus"}}}),
                 "linnet: LINNET_ISA: instruction set \"abacus\"");
  expect_failure(run({"run", "-m", small, "-p", "a"}, {.environment = {{"LINNET_THREADS", "all"}}}),
                 "linnet: LINNET_THREADS: expected");
  expect_failure(run({"quantize", small, folder_ / "out.gguf", "q7"}), "q7");
  expect_failure(run({"synth", "--shape", "elephant", "--type", "q8_0", "-o", folder_ / "out.gguf"}),
                 "elephant");
  expect_failure(run({"bench", "-m", small, "-p", "0", "-n", "0"}), "nothing to measure");
  expect_failure(run({"perplexity", "-m", small, "-p", ""}), "no token");
  for (const char* size : {"many", "-1", "0", "2GG", "G", "1e30", "nan", ""})
    expect_failure(run({"run", "-m", small, "-p", "a", "--memory", size}), "--memory");
  expect_failure(run({"embed", "-m", small, "-p", "a", "--pooling", "best"}), "best");
  expect_failure(run({"embed", "-m", small, "--lines"}, {.input = "\n\n"}), "line");
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(BadInput, NumbersOutOfRange) {
  constexpr const char* integer =
      "expected a whole number from -9223372036854775808 to 9223372036854775807, got";
  for (const char* number : {"99999999999999999999", "-99999999999999999999", "", "1.5", "0x10"})
    for (const char* option : {"-n", "-c", "--keep"})
      expect_failure(run({"run", "-m", small, "-p", "a", option, number}),
                     concat(integer, " '", number, "'"));
  expect_failure(run({"run", "-m", small, "-p", "a", "--top-k", "2147483648"}),
                 "--top-k: expected a whole number from -2147483648 to 2147483647, got '2147483648'");
  expect_failure(run({"run", "-m", small, "-p", "a", "--temp", ""}), "--temp: expected a number, got ''");
  expect_failure(run({"bench", "-m", small, "-p", "8,99999999999999999999"}), "got '99999999999999999999'");
  for (const char* seed : {"-2", "18446744073709551616", "999999999999999999999999", "", "7x"})
    expect_failure(run({"run", "-m", small, "-p", "a", "--seed", seed}),
                   "--seed: expected 0 to 18446744073709551615, or -1 for one drawn at random, got");
  for (const char* seed : {"-1", "18446744073709551616"})
    expect_failure(run({"synth", "--shape", "smollm2-135m", "--type", "q8_0", "-o", folder_ / "out.gguf",
                        "--seed", seed}),
                   "--seed: expected a whole number from 0 to 18446744073709551615, got");
  EXPECT_TRUE(folder_.names().empty());
}

TEST_F(BadInput, RecommendationsOutOfRange) {
  const std::string file = changed([](gguf::Writer& w) {
    w.metadata.set("general.sampling.top_k", std::int32_t{-1});
    w.metadata.set("general.sampling.top_p", 7.0f);
  });
  expect_failure(run({"run", "-m", file, "-p", "a"}), "key \"general.sampling.top_p\"");
  for (const char* top_k : {"", "40"}) {
    std::vector<std::string> arguments = {"run", "-m", file, "-p", "a", "-n", "2", "--top-p", "0.5"};
    if (*top_k) arguments.insert(arguments.end(), {"--top-k", top_k});
    expect_success(run(arguments));
  }
}

TEST_F(BadInput, AModelWithoutATokenizer) {
  const std::string file = changed([](gguf::Writer& w) { w.metadata.erase("tokenizer.ggml.model"); });
  expect_failure(run({"run", "-m", file, "-p", "a"}),
                 "this model gives logits, but no text; use functions that");
  expect_success(run({"logits", "-m", file, "--tokens", "1,2", "-o", folder_ / "out.npy"}));
}

TEST_F(BadInput, TooLittleMemory) {
  if (sanitized) GTEST_SKIP() << "sanitizers need more address space than any limit gives";
  bool failed = false, succeeded = false;
  const auto try_with = [&](std::uint64_t mib, const std::vector<std::string>& arguments) {
    const Ended ended =
        run(arguments, {.environment = {{"LINNET_THREADS", "4"}}, .address_space = mib << 20});
    SCOPED_TRACE(concat(arguments[0], " with ", mib, " MiB"));
    (ended.code == 0 ? succeeded : failed) = true;
    if (ended.code == 0) {
      expect_success(ended);
    } else {
      expect_failure(ended, "");
    }
  };
  // Where the loader, the tokenizer, the weights, the threads and the cache come to their ends.
  for (std::uint64_t mib = 16; mib < 64; mib += 2) {
    try_with(mib, {"run", "-m", tiny, "-p", "Once upon a time", "-n", "4"});
    try_with(mib, {"quantize", tiny, folder_ / "out.gguf", "q4_0"});
    std::filesystem::remove(folder_ / "out.gguf");
  }
  for (std::uint64_t mib = 64; mib < 512; mib += 32)
    try_with(mib, {"run", "-m", tiny, "-p", "Once upon a time", "-n", "4", "-c", "65536"});
  EXPECT_TRUE(folder_.names().empty());
  EXPECT_TRUE(failed);
  EXPECT_TRUE(succeeded);
}

TEST_F(BadInput, AFullDisk) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", "-m", small, "-p", "a", "-n", "4"},
        {"inspect", small},
        {"tokenize", "-m", small, "-p", "a"},
        {"--help"}})
    expect_failure(run(arguments, {.output = "/dev/full"}), "No space left");
  expect_failure(run({"logits", "-m", small, "--tokens", "1,2", "-o", "/dev/full"}), "/dev/full");
  expect_failure(run({"quantize", small, "/dev/full", "q8_0"}), "/dev/full");
  expect_failure(run({"logits", "-m", small, "--tokens", "1,2", "-o", folder_ / "no/such/folder.npy"}),
                 "folder.npy");
}

}  // namespace
}  // namespace linnet::tests::bad_input_test
