// sessions_and_adapters_test.cpp - what the program keeps, adds and limits: saved sessions, LoRA adapters,
// embeddings, memory.
#include <cmath>
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>

#include <linnet/gguf/writer.hpp>
#include <linnet/runtime/embedder.hpp>

#include "program.hpp"

namespace linnet::tests::sessions_and_adapters_test {
namespace {

using Json = nlohmann::json;

const std::string small = fixture("llama.gguf");
const std::string tiny = bundled("tiny-llama.gguf");

/// An adapter of the small model's first query matrix: every value of the product is the sum of the inputs.
std::string write_adapter(const std::filesystem::path& path) {
  const std::vector<float> ones(64, 1.0f);
  const auto view = [&](Shape shape) {
    return TensorView{DType::f32, shape, reinterpret_cast<const std::byte*>(ones.data())};
  };
  gguf::Writer writer;
  writer.metadata.set("general.type", "adapter");
  writer.metadata.set("general.architecture", "llama");
  writer.metadata.set("adapter.type", "lora");
  writer.metadata.set("adapter.lora.alpha", 1.0f);
  writer.add_tensor("blk.0.attn_q.weight.lora_a", view({64, 1, 1, 1}), 2);
  writer.add_tensor("blk.0.attn_q.weight.lora_b", view({1, 64, 1, 1}), 2);
  writer.write(path);
  return path;
}

TEST(Run, GoesOnWhereASessionWasSaved) {
  const TemporaryFolder folder;
  const std::string file = folder / "story";
  const auto text = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "-m", tiny, "--temp", "0", "--ignore-eos"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    expect_success(ended);
    return ended.out.substr(0, ended.out.size() - 1);
  };
  const std::string whole = text({"-p", "Once upon a time", "-n", "24"});
  const std::string start = text({"-p", "Once upon a time", "-n", "10", "--save-session", file});
  EXPECT_EQ(folder.names(), std::vector<std::string>{"story"});
  EXPECT_EQ(start + text({"--load-session", file, "-n", "14"}), whole);
  // Read only, and the rest in two steps.
  text({"-p", "Once upon a time", "-n", "0", "--save-session", file});
  const std::string middle = text({"--load-session", file, "--save-session", file, "-n", "7"});
  EXPECT_EQ("Once upon a time" + middle + text({"--load-session", file, "-n", "17"}), whole);
  EXPECT_NE(text({"--load-session", file, "-p", " The end", "-n", "7"}), "");
}

TEST(Run, RefusesSessionsThatAreNone) {
  const TemporaryFolder folder;
  const std::string file = folder / "saved";
  expect_success(run({"run", "-m", tiny, "-p", "a", "-n", "1", "--save-session", file}));
  expect_failure(run({"run", "-m", small, "-p", "a", "--load-session", file}), "another model");
  expect_failure(run({"run", "-m", tiny, "-p", "a", "--kv-type", "q8_0", "--load-session", file}), "F16");
  expect_failure(run({"run", "-m", tiny, "-p", "a", "--load-session", tiny}), "linnet-s");
  expect_failure(run({"run", "-m", tiny, "-p", "a", "--load-session", folder / "none"}), "none");
  const std::string bytes = read_file(file);
  write_file(file, bytes.substr(0, bytes.size() / 2));
  expect_failure(run({"run", "-m", tiny, "-p", "a", "--load-session", file}), "cut short");
}

TEST(Lora, ChangesEveryCommandByItsScale) {
  const TemporaryFolder folder;
  const std::string adapter = write_adapter(folder / "a.gguf"), out = folder / "out.npy";
  const auto logits = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"logits", "-m", small, "--tokens", "5,6,7", "-o", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_success(run(arguments));
    return read_file(out);
  };
  const std::string plain = logits({});
  EXPECT_NE(logits({"--lora", adapter}), plain);
  EXPECT_EQ(logits({"--lora", adapter + ":0"}), plain);
  EXPECT_EQ(logits({"--lora", adapter + ":1.0"}), logits({"--lora", adapter}));
  EXPECT_NE(logits({"--lora", adapter + ":0.5"}), logits({"--lora", adapter}));
  EXPECT_EQ(logits({"--lora", adapter + ":0.5", "--lora", adapter + ":0"}),
            logits({"--lora", adapter + ":0.5"}));

  const auto differ = [&](std::vector<std::string> arguments, std::string_view input = "") {
    const Ended without = run(arguments, {.input = std::string(input)});
    arguments.insert(arguments.end(), {"--lora", adapter + ":8"});
    const Ended with = run(arguments, {.input = std::string(input)});
    expect_success(with);
    EXPECT_NE(with.out, without.out) << arguments[0];
  };
  differ({"run", "-m", small, "-p", "a b c", "-n", "20", "--temp", "0"});
  differ({"embed", "-m", small, "-p", "a b c"});
  expect_success(run({"perplexity", "-m", small, "-p", "a b c d", "--kl", "--lora", adapter}));
  const Ended perplexity =
      run({"perplexity", "-m", small, "-p", "a b c d e f", "--json", "--lora", adapter + ":8"});
  expect_success(perplexity);
  EXPECT_NE(Json::parse(perplexity.out)["perplexity"],
            Json::parse(run({"perplexity", "-m", small, "-p", "a b c d e f", "--json"}).out)["perplexity"]);
}

TEST(Lora, WhatIsNoAdapterIsRefused) {
  const TemporaryFolder folder;
  const std::string adapter = write_adapter(folder / "a.gguf");
  expect_failure(run({"run", "-m", small, "-p", "a", "--lora", small}), "general.type");
  expect_failure(run({"run", "-m", small, "-p", "a", "--lora", folder / "none.gguf"}), "none.gguf");
  expect_failure(run({"run", "-m", small, "-p", "a", "--lora", adapter + ":inf"}), "scale");
  expect_failure(run({"run", "-m", tiny, "-p", "a", "--lora", adapter}), "a.gguf");
  expect_failure(run({"run", "-m", fixture("gemma2.gguf"), "-p", "a", "--lora", adapter}), "gemma2");
}

TEST(Embed, PrintsAVectorForEachText) {
  const std::string lines = "a songbird\n\nthe bird sings\na songbird\n";
  const Ended ended = run({"embed", "-m", tiny, "--lines"}, {.input = lines});
  expect_success(ended);
  std::vector<std::vector<float>> vectors;
  std::istringstream text(ended.out);
  for (std::string line; std::getline(text, line);) {
    std::istringstream numbers(line);
    vectors.emplace_back(std::istream_iterator<float>(numbers), std::istream_iterator<float>());
  }
  ASSERT_EQ(vectors.size(), 3u);
  EXPECT_EQ(vectors[0], vectors[2]);
  EXPECT_NE(vectors[0], vectors[1]);

  const auto model = Model::load(tiny);
  Embedder embedder(model, {});
  const std::string texts[] = {"a songbird", "the bird sings", "a songbird"};
  const std::vector<float> expected = embedder.embed(texts);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(std::equal(vectors[i].begin(), vectors[i].end(),
                           expected.begin() + static_cast<std::ptrdiff_t>(i) * embedder.width()))
        << i;

  const Ended other =
      run({"embed", "-m", tiny, "-p", "a songbird", "--pooling", "last", "--no-normalize", "--json"});
  expect_success(other);
  const Json json = Json::parse(other.out);
  EXPECT_EQ(json["pooling"], "last");
  EXPECT_EQ(json["normalized"], false);
  EXPECT_EQ(json["dimensions"], embedder.width());
  ASSERT_EQ(json["embeddings"].size(), 1u);
  EXPECT_EQ(json["embeddings"][0]["tokens"], model->tokenizer().encode("a songbird").size());
  Embedder last(model, {.embedding = {.pooling = Pooling::last, .normalize = false}});
  EXPECT_EQ(json["embeddings"][0]["embedding"].get<std::vector<float>>(),
            last.embed(std::span(texts).first(1)));
}

TEST(Memory, IsKeptToOrRefusedWithTheSum) {
  for (const char* command : {"run", "chat", "perplexity", "embed"}) {
    std::vector<std::string> arguments = {command, "-m", tiny, "--memory", "1M"};
    if (std::string_view(command) != "chat") arguments.insert(arguments.end(), {"-p", "Once upon"});
    expect_failure(run(arguments), "may take 1 MiB");
  }
  expect_failure(run({"bench", "-m", tiny, "-p", "8", "-n", "0", "--json", "--memory", "1M"}),
                 "may take 1 MiB");
  expect_failure(run({"run", "-m", small, "-p", "a", "-c", "100000", "--memory", "32MiB"}), "a context of");
  for (const char* size : {"1G", "0.5g", "700M", "700MB", "800000000"})
    expect_success(run({"run", "-m", small, "-p", "a b", "-n", "2", "--memory", size}));
}

}  // namespace
}  // namespace linnet::tests::sessions_and_adapters_test
