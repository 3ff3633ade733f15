// bench_test.cpp - `linnet bench kernels`, the forms of `linnet bench`, and the divergence that `linnet
// perplexity` prints.
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace linnet::tests::bench_test {
namespace {

using Json = nlohmann::json;

const std::string tiny = bundled("tiny-llama.gguf");

TEST(Bench, ComparesWithTheMachine) {
  const Ended ended = run({"bench", "-m", tiny, "-p", "16", "-n", "4", "-b", "1,3", "-r", "2", "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  ASSERT_EQ(json.size(), 4u);
  EXPECT_EQ(json[3]["batch"], 3);
  for (const Json& row : json) {
    EXPECT_GT(row["roofline_percent"], 0);
    EXPECT_GT(row["machine_gb_per_second"], 0);
    EXPECT_LE(row["tokens_per_second_min"], row["tokens_per_second"]);
    EXPECT_LE(row["tokens_per_second"], row["tokens_per_second_max"]);
    EXPECT_TRUE(row["limit"] == "memory" || row["limit"] == "compute");
  }
  EXPECT_EQ(json[0]["mmap"], false);
  EXPECT_EQ(json[0]["float32"], false);
  EXPECT_GT(json[0]["time_to_first_token_ms"], 0);
  EXPECT_TRUE(json[0]["inter_token_ms_p50"].is_null());
  EXPECT_GE(json[1]["inter_token_ms_p99"], json[1]["inter_token_ms_p50"]);
  // attention adds.
  EXPECT_LT(json[1]["peak_rss_bytes"], 200'000'000);
}

TEST(Bench, PrintsCommaSeparatedValues) {
  const Ended ended = run({"bench", "-m", tiny, "-p", "8", "-n", "0", "-r", "2", "--no-limits", "--csv"});
  expect_success(ended);
  EXPECT_TRUE(ended.out.starts_with("test,tokens_per_second,")) << ended.out;
  const std::size_t end = ended.out.find('\n');
  EXPECT_EQ(std::count(ended.out.begin(), ended.out.begin() + static_cast<std::ptrdiff_t>(end), ','),
            std::count(ended.out.begin() + static_cast<std::ptrdiff_t>(end), ended.out.end(), ','));
}

TEST(Bench, NeedsAModel) { expect_failure(run({"bench", "-p", "8"}), "--model is required"); }

TEST(BenchKernels, MeasuresWhatTheFilterFinds) {
  const std::vector<std::string> filter = {"bench",     "kernels", "--filter", "matmul/q4_0/scalar/.*/1$",
                                           "--seconds", "0"};
  const auto with = [&](const char* more) {
    auto arguments = filter;
    arguments.push_back(more);
    return run(arguments);
  };
  const Ended list = with("--list");
  expect_success(list);
  EXPECT_EQ(list.out, "packed_matmul/Q4_0/scalar/8192x2048/1\nmatmul/Q4_0/scalar/8192x2048/1\n");
  const Ended ended = with("--json");
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  ASSERT_EQ(json.size(), 2u);
  for (const Json& row : json) {
    EXPECT_EQ(row["isa"], "scalar");
    EXPECT_GT(row["gb_per_second"], 0);
    EXPECT_GT(row["peak_percent"], 0);
    EXPECT_LT(row["error"], 0.03);
  }
  EXPECT_EQ(
      run({"bench", "kernels", "--filter", "rms_norm", "--list"}, {.environment = {{"LINNET_ISA", "scalar"}}})
          .out,
      "rms_norm/F32/scalar/2048/512\n");
  EXPECT_EQ(run({"bench", "kernels", "--filter", "rms_norm", "--list"}).out.find("scalar"),
            std::string::npos);
  const Ended table = run(filter);
  expect_success(table);
  EXPECT_NE(table.out.find("of memory"), std::string::npos) << table.out;
}

TEST(BenchKernels, SaysWhatIsWrongWithAFilter) {
  expect_failure(run({"bench", "kernels", "--filter", "q4_0("}), "regular expression");
  expect_failure(run({"bench", "kernels", "--filter", "no such kernel"}), "--list");
}

TEST(Bench, SaysHowWeightsAreMultiplied) {
  const auto bench = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"bench", "-m", tiny, "-p", "8",
                                          "-n",    "0",  "-r", "1",  "--no-limits"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    expect_success(ended);
    return ended.out;
  };
  EXPECT_EQ(bench({}).find("left in the file"), std::string::npos);
  EXPECT_NE(bench({"--mmap"}).find("left in the file"), std::string::npos);
  EXPECT_NE(bench({"--float32"}).find("float32"), std::string::npos);
  const Json json = Json::parse(bench({"--mmap", "--float32", "--json"}));
  EXPECT_EQ(json[0]["mmap"], true);
  EXPECT_EQ(json[0]["float32"], true);
}

TEST(Perplexity, DivergesLittleFromFloat32) {
  for (std::string_view name : bundled_models) {
    const Ended ended = run({"perplexity", "-m", bundled(name), "--kl", "--json"},
                            {.input = read_file(held_out("stories.txt")).substr(0, 1500)});
    expect_success(ended);
    const Json json = Json::parse(ended.out);
    EXPECT_GT(json["kl_mean"], 0) << name;  // zero would mean that it was compared with itself
    EXPECT_LT(json["kl_mean"], 1e-3) << name;
    EXPECT_GE(json["kl_max"], json["kl_mean"]);
    EXPECT_GT(json["same_top"], 0.97) << name;
  }
  expect_failure(run({"perplexity", "-m", tiny, "-p", "Once upon a time", "--kl", "--float32"}), "--float32");
}

TEST(Perplexity, DivergesAsMuchWithWeightsInTheFile) {
  const auto score = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"perplexity",       "-m",   tiny,    "-p",
                                          "Once upon a time", "--kl", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    expect_success(ended);
    return Json::parse(ended.out);
  };
  EXPECT_EQ(score({})["kl_mean"], score({"--mmap"})["kl_mean"]);
}

TEST(Perplexity, DoesNotDivergeFromItself) {
  const TemporaryFolder folder;
  const std::string floats = folder / "f32.gguf";
  expect_success(run({"quantize", tiny, floats, "f32"}));
  const auto divergence = [&](const char* cache) {
    const Ended ended = run({"perplexity", "-m", floats, "--kl", "--json", "--kv-type", cache},
                            {.input = read_file(held_out("stories.txt")).substr(0, 1500)});
    expect_success(ended);
    return Json::parse(ended.out)["kl_mean"].get<double>();
  };
  EXPECT_EQ(divergence("f32"), 0);  // float weights and a float cache are the reference itself
  EXPECT_GT(divergence("f16"), 0);
  EXPECT_GT(divergence("q8_0"), divergence("f16"));
}

}  // namespace
}  // namespace linnet::tests::bench_test
