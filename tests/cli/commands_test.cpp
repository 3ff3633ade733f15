// tests/cli/commands_test.cpp - every subcommand does what its help says.
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <sstream>

#include <nlohmann/json.hpp>

#include <linnet/gguf/reader.hpp>
#include <linnet/gguf/writer.hpp>
#include <linnet/model/engine.hpp>

#include "program.hpp"

namespace linnet::tests::commands_test {
namespace {

using Json = nlohmann::json;

const std::string small = fixture("llama.gguf");
const std::string tiny = bundled("tiny-llama.gguf");

TEST(Program, ShowsHelpWithAnExampleForEverySubcommand) {
  for (std::string_view name : {"run", "chat", "inspect", "tokenize", "logits", "embed", "perplexity",
                                "evaluate", "bench", "imatrix", "quantize", "synth"}) {
    const Ended ended = run({std::string(name), "--help"});
    expect_success(ended);
    EXPECT_NE(ended.out.find(concat("  linnet ", name, " ")), std::string::npos) << name;
  }
  const Ended version = run({"--version"});
  expect_success(version);
  EXPECT_TRUE(version.out.starts_with("linnet ")) << version.out;
}

/// The small model with a vocabulary of byte-level BPE.
std::string write_byte_level(const std::filesystem::path& path, const std::string& pre_tokenizer) {
  const gguf::File file = gguf::File::open(std::filesystem::path(small));
  gguf::Writer writer = gguf::Writer::copy_of(file);
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>", "a", "b", "ab", "\u0120"};
  while (tokens.size() < 101) tokens.push_back(concat("unused ", tokens.size()));
  writer.metadata.set("tokenizer.ggml.model", "gpt2");
  writer.metadata.set("tokenizer.ggml.pre", pre_tokenizer);
  writer.metadata.set("tokenizer.ggml.tokens", tokens);
  writer.metadata.set("tokenizer.ggml.merges", std::vector<std::string>{"a b"});
  writer.metadata.set("tokenizer.chat_template", "{{ messages[0].content }}");
  writer.write(path);
  return path;
}

TEST(Program, WarnsOfAPreTokenizerThatItDoesNotKnow) {
  const TemporaryFolder folder;
  const std::string known = write_byte_level(folder / "known.gguf", "default");
  const std::string unknown = write_byte_level(folder / "unknown.gguf", "no-such-name");
  write_file(folder / "stories.txt", "ab ab");
  const std::string out = folder / "out.npy", stories = folder / "stories.txt";
  const std::vector<std::string> commands[] = {
      {"tokenize", "-p", "ab ab"},
      {"tokenize", "-p", "ab ab", "--json"},
      {"run", "-p", "ab", "-n", "2", "--temp", "0"},
      {"run", "-p", "ab", "-n", "2", "--temp", "0", "--json"},
      {"chat", "-n", "2", "--temp", "0"},
      {"logits", "-p", "ab", "-o", out},
      {"embed", "-p", "ab"},
      {"perplexity", "-p", "ab ab", "--kl"},
      {"evaluate", "--stories", stories, "--types", "f16,q8_0"},
  };
  for (std::vector<std::string> command : commands) {
    command.insert(command.end(), {"-m", known});
    const Ended silent = run(command, {.input = "ab\n"});
    expect_success(silent);
    command.back() = unknown;
    const Ended ended = run(command, {.input = "ab\n"});
    EXPECT_EQ(ended.code, 0) << command[0];
    EXPECT_TRUE(ended.err.starts_with("linnet: warning: tokenizer.ggml.pre: 'no-such-name' is unknown"))
        << command[0] << ": " << ended.err;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << command[0] << ": " << ended.err;
    EXPECT_EQ(ended.out.find("no-such-name"), std::string::npos) << ended.out;
    EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'),
              std::count(silent.out.begin(), silent.out.end(), '\n'))
        << ended.out;
  }
}

TEST(Run, EchoesThePromptAndGoesOnWithTheGreedyText) {
  const Ended whole = run({"run", "-m", tiny, "-p", "Once upon a time", "-n", "24", "--temp", "0"});
  expect_success(whole);
  EXPECT_TRUE(whole.out.starts_with("Once upon a time")) << whole.out;
  EXPECT_TRUE(whole.out.ends_with("\n"));
  const Ended rest =
      run({"run", "-m", tiny, "-n", "24", "--temp", "0", "--no-echo"}, {.input = "Once upon a time\n"});
  expect_success(rest);
  EXPECT_EQ("Once upon a time" + rest.out, whole.out);
}

TEST(Run, ReportsOneJsonObject) {
  const Ended ended = run({"run", "-m", tiny, "-p", "One day", "-n", "8", "--seed", "5", "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["seed"], 5);
  EXPECT_EQ(json["stop_reason"], "max_tokens");
  EXPECT_EQ(json["generated_tokens"], 8);
  EXPECT_EQ(json["tokens"].size(), 8u);
  EXPECT_FALSE(json["text"].get<std::string>().empty());
}

TEST(Run, TheSameSeedGivesTheSameText) {
  const std::vector<std::string> arguments = {"run", "-m", tiny,     "-p",  "One day",
                                              "-n",  "32", "--temp", "1.5", "--seed"};
  const auto with_seed = [&](const char* seed) {
    auto all = arguments;
    all.push_back(seed);
    const Ended ended = run(all);
    expect_success(ended);
    return ended.out;
  };
  EXPECT_EQ(with_seed("1"), with_seed("1"));
  EXPECT_NE(with_seed("1"), with_seed("2"));
}

TEST(Run, DrawsTheSeedWhereItIsMinusOne) {
  const auto seed_of = [&](const char* seed) {
    const Ended ended = run({"run", "-m", tiny, "-p", "One day", "-n", "1", "--json", "--seed", seed});
    expect_success(ended);
    return Json::parse(ended.out)["seed"].get<std::uint64_t>();
  };
  EXPECT_NE(seed_of("-1"), seed_of("-1"));
  EXPECT_EQ(seed_of("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(Run, TakesSamplerOptions) {
  const auto text = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "-m", tiny,        "-p",     "One day",
                                          "-n",  "12", "--no-echo", "--seed", "3"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    expect_success(ended);
    return ended.out;
  };
  const std::string greedy = text({"--temp", "0"});
  EXPECT_EQ(text({"--temp", "2", "--top-k", "1"}), greedy);
  EXPECT_EQ(text({"--temp", "2", "--top-k", "1", "--order", "top_k;temperature"}), greedy);
  const Json json = Json::parse(text({"--temp", "0", "--json"}));
  const std::string ban = concat(json["tokens"][0].get<int>(), "=-inf");
  EXPECT_NE(text({"--temp", "0", "--logit-bias", ban}), greedy);
  const std::string stop = greedy.substr(4, 3);
  EXPECT_EQ(text({"--temp", "0", "--stop", stop}), greedy.substr(0, greedy.find(stop)) + "\n");
}

TEST(Run, StopsOrShiftsAtTheEndOfTheContext) {
  const auto reason = [&](const char* overflow) {
    const Ended ended = run({"run", "-m", tiny, "-p", "Once upon a time", "-c", "16", "-n", "40", "--temp",
                             "0", "--ignore-eos", "--overflow", overflow, "--json"});
    expect_success(ended);
    return Json::parse(ended.out)["stop_reason"].get<std::string>();
  };
  EXPECT_EQ(reason("stop"), "context_full");
  EXPECT_EQ(reason("shift"), "max_tokens");
}

TEST(Run, PrintsStatisticsOnRequest) {
  const Ended ended = run({"run", "-m", tiny, "-p", "One day", "-n", "4", "--stats"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.err.find("generated 4 tokens"), std::string::npos) << ended.err;
}

TEST(Inspect, DescribesAnyWellFormedFile) {
  const Ended text = run({"inspect", small, "--tensors"});
  expect_success(text);
  EXPECT_NE(text.out.find("llama.block_count"), std::string::npos);
  EXPECT_NE(text.out.find("blk.1.ffn_down.weight"), std::string::npos);
  EXPECT_NE(text.out.find("runs as: llama, 2 layers"), std::string::npos) << text.out;

  const Ended ended = run({"inspect", small, "--json", "--tensors"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["tensors"].size(), gguf::File::open(small).tensors().size());
  EXPECT_EQ(json["model"]["layers"], 2);
  // 2 layers x (keys, values) x 2 heads x 16 values x 2 bytes.
  EXPECT_EQ(json["model"]["kv_cache_bytes_per_token"], 256);

  const Ended no_model = run({"inspect", fixture("llama.expected.gguf").string()});
  expect_success(no_model);
  EXPECT_NE(no_model.out.find("runs as: nothing"), std::string::npos) << no_model.out;
}

TEST(Tokenize, GoesThereAndBack) {
  for (std::string_view name : bundled_models) {
    const std::string model = bundled(name), text = "Once upon a time, \xc3\xa9t\xc3\xa9!";
    const Ended there = run({"tokenize", "-m", model, "-p", text, "--no-bos"});
    expect_success(there);
    const Ended back = run({"tokenize", "-m", model, "--decode"}, {.input = there.out});
    expect_success(back);
    EXPECT_EQ(back.out, text + "\n") << name;
  }
  const Ended json = run({"tokenize", "-m", tiny, "-p", "Once", "--json"});
  expect_success(json);
  EXPECT_EQ(Json::parse(json.out)["ids"].size(), Json::parse(json.out)["pieces"].size());
  EXPECT_EQ(run({"tokenize", "-m", small, "-p", "", "--no-bos"}).out, "\n");
}

TEST(Tokenize, TakesManyTextsAsJson) {
  const std::string lines = "\"Once\"\n\"\\u0000\\n\"\n[79, 110, 99, 101]\n\"\"\n[255, 0]";
  const Ended ended = run({"tokenize", "-m", tiny, "--json-lines"}, {.input = lines});
  expect_success(ended);
  std::istringstream rows(ended.out);
  std::vector<std::string> ids;
  for (std::string row; std::getline(rows, row);) ids.push_back(row);
  ASSERT_EQ(ids.size(), 5u);
  EXPECT_EQ(ids[0] + "\n", run({"tokenize", "-m", tiny, "-p", "Once"}).out);
  EXPECT_EQ(ids[0], ids[2]);
  EXPECT_EQ(ids[3] + "\n", run({"tokenize", "-m", tiny, "-p", ""}).out);
  EXPECT_NE(ids[1], ids[4]);
  for (const std::string_view wrong : {"Once", "3", "[256]", "[-1]", "[[1]]", "{}", "\"a", ""}) {
    const std::string input = concat("\"fine\"\n", wrong, "\n");
    const Ended failed = run({"tokenize", "-m", tiny, "--json-lines"}, {.input = input});
    EXPECT_NE(failed.code, 0) << wrong;
    EXPECT_NE(failed.err.find("line 2"), std::string::npos) << failed.err;
  }
}

/// Rows of float32 from a file that NumPy would read.
std::vector<float> read_npy(const std::filesystem::path& path, std::string_view shape) {
  const std::string bytes = read_file(path);
  EXPECT_TRUE(bytes.starts_with("\x93NUMPY"));
  const std::size_t header =
      10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  EXPECT_EQ(header % 64, 0u);
  EXPECT_NE(bytes.substr(0, header).find(shape), std::string::npos) << bytes.substr(0, header);
  std::vector<float> values((bytes.size() - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + header, values.size() * sizeof(float));
  return values;
}

TEST(Logits, AreThoseOfTheLibrary) {
  const TemporaryFolder folder;
  expect_success(
      run({"logits", "-m", small, "--tokens", "1,2,3,5,8", "-o", folder / "logits.npy", "--kv-type", "f32"}));
  const std::vector<float> values = read_npy(folder / "logits.npy", "(5, 101)");
  const auto model = Model::load(std::filesystem::path(small));
  Engine engine(model, {.cache = {.type = DType::f32}});
  const std::vector<Token> tokens = {1, 2, 3, 5, 8};
  const BatchEntry entry{engine.create(), tokens, LogitRows::all};
  std::vector<float> expected(5 * 101);
  engine.forward({&entry, 1}, expected);
  EXPECT_EQ(values, expected);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"logits.npy"});
}

TEST(Logits, KnowWhereALongTextEndsUnlessTheyComeOneByOne) {
  const TemporaryFolder folder;
  const std::string path = fixture("phi3-longrope-long.gguf");  // factors change behind 64 tokens
  std::string ids = "3";
  std::vector<Token> tokens = {3};
  for (Token token = 4; token < 76; ++token) ids += concat(",", tokens.emplace_back(token));
  const auto of_program = [&](const std::string& batch) {
    expect_success(run({"logits", "-m", path, "--tokens", ids, "-o", folder / "l.npy", "--batch", batch}));
    return read_npy(folder / "l.npy", "(73, ");
  };
  const auto model = Model::load(std::filesystem::path(path));
  const auto columns = static_cast<std::size_t>(model->spec().vocabulary);
  Engine engine(model, {.cache = {.max_sequences = 2}});
  std::vector<float> whole(tokens.size() * columns), steps(whole.size());
  const BatchEntry all{engine.create(), tokens, LogitRows::all};
  engine.forward({&all, 1}, whole);
  const SequenceId written = engine.create();
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const BatchEntry one{written, {&tokens[t], 1}};
    engine.forward({&one, 1}, std::span(steps).subspan(t * columns, columns));
  }
  ASSERT_NE(whole, steps);
  EXPECT_EQ(of_program("0"), whole);
  EXPECT_EQ(of_program("5"), whole);
  EXPECT_EQ(of_program("1"), steps);
}

TEST(Perplexity, ScoresEveryTokenOnceInWindows) {
  const TemporaryFolder folder;
  const std::string stories = read_file(held_out("stories.txt"));
  std::size_t end = 0;
  for (int line = 0; line < 4; ++line) end = stories.find('\n', end) + 1;
  write_file(folder / "stories.txt", stories.substr(0, end));
  const auto score = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"perplexity", "-m", tiny, "-f", folder / "stories.txt", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    expect_success(ended);
    return Json::parse(ended.out);
  };
  const Json whole = score({}), narrow = score({"--context", "64", "--stride", "48"}),
             lines = score({"--lines"});
  EXPECT_EQ(whole["tokens"], narrow["tokens"]);
  EXPECT_NE(whole["perplexity"], narrow["perplexity"]);
  EXPECT_EQ(lines["documents"], 4);
  EXPECT_GT(lines["perplexity"], 1);
  EXPECT_LT(lines["perplexity"], 10);
}

TEST(Perplexity, IsTheOneOfTheLogits) {
  const TemporaryFolder folder;
  const std::string ids = run({"tokenize", "-m", tiny, "-p", "Once upon a time"}).out;
  expect_success(run({"logits", "-m", tiny, "--tokens", ids, "-o", folder / "l.npy"}));
  std::istringstream words(ids);
  const std::vector<int> tokens{std::istream_iterator<int>(words), {}};
  const auto model = Model::load(std::filesystem::path(tiny));
  const auto columns = static_cast<std::size_t>(model->spec().vocabulary);
  const std::vector<float> logits =
      read_npy(folder / "l.npy", concat("(", tokens.size(), ", ", columns, ")"));
  double sum = 0;
  for (std::size_t row = 0; row + 1 < tokens.size(); ++row) {
    double total = 0;
    for (std::size_t i = 0; i < columns; ++i)
      total += std::exp(static_cast<double>(logits[row * columns + i]));
    sum += std::log(total) -
           static_cast<double>(logits[row * columns + static_cast<std::size_t>(tokens[row + 1])]);
  }
  const Ended ended = run({"perplexity", "-m", tiny, "-p", "Once upon a time", "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["tokens"], tokens.size() - 1);
  EXPECT_NEAR(json["nats_per_token"].get<double>(), sum / static_cast<double>(tokens.size() - 1), 1e-6);
}

TEST(Bench, ReportsEveryTest) {
  const Ended ended = run({"bench", "-m", tiny, "-p", "16,32", "-n", "4", "-d", "0,40", "-b", "2", "-t",
                           "1,2", "-r", "2", "--no-limits", "--json"});
  expect_success(ended);
  const Json json = Json::parse(ended.out);
  ASSERT_EQ(json.size(), 12u);
  EXPECT_EQ(json[0]["test"], "pp16");
  EXPECT_EQ(json[11]["test"], "tg4");
  EXPECT_EQ(json[11]["depth"], 40);
  EXPECT_EQ(json[11]["threads"], 2);
  for (const Json& row : json) {
    EXPECT_GT(row["tokens_per_second"], 0);
    EXPECT_EQ(row["batch"], 2);
    EXPECT_EQ(row["type"], "Q8_0");
    EXPECT_EQ(row["model_bytes"], std::filesystem::file_size(tiny));
    EXPECT_GT(row["peak_rss_bytes"], 0);
    EXPECT_TRUE(row["isa"].is_string());
  }
  const Ended table = run({"bench", "-m", tiny, "-p", "8", "-n", "2", "-r", "1", "--no-limits"});
  expect_success(table);
  EXPECT_NE(table.out.find("tg2"), std::string::npos) << table.out;
}

TEST(Quantize, WritesTheMixAndKeepsTheRest) {
  const TemporaryFolder folder;
  const std::string out = folder / "q4.gguf";
  const Ended ended = run({"quantize", tiny, out, "q4_k_m"});
  expect_success(ended);
  const gguf::File before = gguf::File::open(tiny), after = gguf::File::open(std::filesystem::path(out));
  EXPECT_EQ(after.metadata().integer("general.file_type"), 15);
  EXPECT_EQ(after.metadata().text("tokenizer.ggml.model"), before.metadata().text("tokenizer.ggml.model"));
  EXPECT_EQ(after.find("blk.0.attn_q.weight")->view.type, DType::q4_k);
  EXPECT_EQ(after.find("token_embd.weight")->view.type, DType::q6_k);
  EXPECT_EQ(after.find("output_norm.weight")->view.type, DType::f32);
  EXPECT_EQ(after.tensors().size(), before.tensors().size());
  const Ended text = run({"run", "-m", out, "-p", "Once upon a time", "-n", "16", "--temp", "0"});
  expect_success(text);
}

TEST(Synth, WritesModelsThatRun) {
  const TemporaryFolder folder;
  const std::string model = folder / "m.gguf", again = folder / "n.gguf";
  // The smallest vocabulary but one layer: rows of 3072, fused tensors.
  expect_success(run({"synth", "--shape", "phi-3-mini", "--layers", "1", "--type", "q4_k_m", "-o", model}));
  const Ended ended =
      run({"run", "-m", model, "-p", "hello", "-n", "4", "--ignore-eos", "--json", "--temp", "0"});
  expect_success(ended);
  EXPECT_EQ(Json::parse(ended.out)["generated_tokens"], 4);
  expect_success(run({"synth", "--shape", "phi-3-mini", "--layers", "1", "--type", "q4_k_m", "-o", again}));
  EXPECT_TRUE(read_file(model) == read_file(again));
  EXPECT_EQ(gguf::File::open(std::filesystem::path(model)).find("blk.0.attn_qkv.weight")->view.type,
            DType::q5_k);
}

TEST(Synth, EveryShapeIsAModel) {
  const TemporaryFolder folder;
  for (std::string_view shape : {"llama-3.2-1b", "gemma-3-1b", "gemma-2-2b"}) {
    if (sanitized && shape != "gemma-3-1b") continue;  // half a gigabyte each
    const std::string model = folder / "m.gguf";
    expect_success(
        run({"synth", "--shape", std::string(shape), "--layers", "1", "--type", "q2_k", "-o", model}));
    const Ended ended = run({"inspect", model, "--json"});
    expect_success(ended);
    EXPECT_EQ(Json::parse(ended.out)["model"]["layers"], 1) << ended.out;
    const Ended ids = run({"tokenize", "-m", model, "-p", "hello there", "--no-bos"});
    const Ended back = run({"tokenize", "-m", model, "--decode"}, {.input = ids.out});
    EXPECT_EQ(back.out, "hello there\n") << shape;
  }
}

}  // namespace
}  // namespace linnet::tests::commands_test
