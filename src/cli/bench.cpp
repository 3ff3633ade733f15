// bench.cpp - `linnet bench`: how fast a model reads (prefill, pp) and writes (decode, tg). Never samples.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include <linnet/model/engine.hpp>
#include <linnet/quant/mix.hpp>
#include <linnet/sampling/random.hpp>

#include "arguments.hpp"
#include "command.hpp"
#include "format.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace linnet::cli {
namespace {

struct Arguments {
  EngineArguments engine;  // its threads are those that load
  std::vector<std::int64_t> prompts = {512}, generated = {128}, depths = {0};
  std::vector<int> threads = {0};
  std::int64_t batch = 1;
  int repeats = 3;
  bool json = false;
};

/// One thing to measure.
struct Test {
  bool decode;
  std::int64_t tokens;  // per sequence
  std::int64_t depth;   // tokens that each sequence holds before

  std::string name() const { return concat(decode ? "tg" : "pp", tokens); }
};

struct Result {
  Test test;
  std::vector<double> seconds;  // of each repeat, rising
  int threads = 0;
  std::string isa;
  std::int64_t cache_bytes = 0, scratch_bytes = 0;
};

/// The most memory that this process has used, in bytes. Linux: not what its parent used before it started.
std::int64_t peak_rss() {
  if (std::FILE* const status = std::fopen("/proc/self/status", "re")) {
    char line[256];
    long long kib = -1;
    while (std::fgets(line, sizeof line, status))
      if (std::sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
    std::fclose(status);
    if (kib >= 0) return kib * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Bytes of weights that one pass over one token reads: of experts, those that are used.
std::int64_t bytes_read(const Model& model) {
  const auto bytes = [](const std::vector<Linear>& matrices) {
    std::int64_t sum = 0;
    for (const Linear& matrix : matrices) sum += matrix.weight.bytes();
    return sum;
  };
  const Spec& spec = model.spec();
  std::int64_t total = model.weights().output.weight.bytes();
  for (const LayerWeights& layer : model.weights().layers) {
    std::int64_t networks = 0;
    for (const FeedForward& network : layer.feed_forwards)
      networks += bytes(network.in) + network.down.weight.bytes();
    if (spec.experts > 0)
      networks = networks / spec.experts * spec.experts_used + layer.router.weight.bytes();
    total += bytes(layer.query_key_value) + layer.attention_output.weight.bytes() + networks;
  }
  return total;
}

/// What its file calls the mix of types, or the type of most weights.
std::string type_of(const Model& model) {
  const gguf::Metadata& metadata = model.file().metadata();
  const std::int64_t file_type =
      metadata.contains("general.file_type") ? metadata.integer("general.file_type") : -1;
  for (const quant::Mix& mix : quant::mixes)
    if (mix.file_type == file_type && mix.base == model.main_type()) return std::string(mix.name);
  return std::string(to_string(model.main_type()));
}

/// Runs tests on one engine.
class Bench {
 public:
  Bench(const Arguments& arguments, std::shared_ptr<const Model> model, const std::vector<Test>& tests,
        int threads)
      : batch_(arguments.batch),
        vocabulary_(model->spec().vocabulary),
        engine_(std::move(model), engine_options(arguments, tests, threads)),
        random_(1, 1),
        logits_(static_cast<std::size_t>(batch_ * vocabulary_)) {}

  Result measure(const Test& test, int repeats, Progress& progress) {
    Result result{.test = test,
                  .seconds = {},
                  .threads = engine_.threads(),
                  .isa = std::string(engine_.isa()),
                  .cache_bytes = engine_.cache().bytes(),
                  .scratch_bytes = engine_.scratch_bytes()};
    const std::vector<SequenceId> start = create_sequences();
    extend(start, test.depth);
    // Not counted: it brings the weights into memory.
    constexpr std::int64_t warm_up_tokens = 16, warm_up_steps = 2;
    run_once(start, test, std::min(test.tokens, test.decode ? warm_up_steps : warm_up_tokens));
    for (int i = 0; i < repeats; ++i) {
      result.seconds.push_back(run_once(start, test, test.tokens));
      progress.add(test.tokens * batch_);
    }
    for (SequenceId sequence : start) engine_.remove(sequence);
    std::sort(result.seconds.begin(), result.seconds.end());
    return result;
  }

 private:
  static EngineOptions engine_options(const Arguments& arguments, const std::vector<Test>& tests,
                                      int threads) {
    std::int64_t longest = 0;
    for (const Test& test : tests) longest = std::max(longest, test.depth + test.tokens);
    // Each repeat works on a fork, which shares all pages but the last with its origin.
    return {.threads = threads,
            .cache = {.type = arguments.engine.cache_type,
                      .tokens = arguments.batch * (longest + KvCache::page_length),
                      .max_sequences = 2 * arguments.batch,
                      .max_batch =
                          std::min<std::int64_t>(256, std::max(longest, std::int64_t{1}) * arguments.batch)},
            .should_stop = interrupted};
  }

  std::vector<SequenceId> create_sequences() {
    std::vector<SequenceId> sequences;
    for (std::int64_t i = 0; i < batch_; ++i) sequences.push_back(engine_.create());
    return sequences;
  }

  std::vector<Token> random_tokens(std::int64_t count) {
    std::vector<Token> tokens(static_cast<std::size_t>(count));
    for (Token& token : tokens)
      token = static_cast<Token>(random_.next() % static_cast<std::uint32_t>(vocabulary_));
    return tokens;
  }

  /// Appends random tokens to every sequence in one batch.
  void extend(const std::vector<SequenceId>& sequences, std::int64_t count) {
    check_interrupted();
    if (count == 0) return;
    std::vector<std::vector<Token>> tokens;
    std::vector<BatchEntry> entries;
    tokens.reserve(sequences.size());
    for (SequenceId sequence : sequences)
      entries.push_back({sequence, tokens.emplace_back(random_tokens(count)), LogitRows::last});
    engine_.forward(entries, logits_);
  }

  double run_once(const std::vector<SequenceId>& start, const Test& test, std::int64_t count) {
    std::vector<SequenceId> sequences;
    for (SequenceId sequence : start) sequences.push_back(engine_.fork(sequence));
    const auto begin = std::chrono::steady_clock::now();
    if (test.decode) {
      for (std::int64_t i = 0; i < count; ++i) extend(sequences, 1);
    } else {
      extend(sequences, count);
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    for (SequenceId sequence : sequences) engine_.remove(sequence);
    return seconds;
  }

  std::int64_t batch_, vocabulary_;
  Engine engine_;
  sampling::Random random_;
  std::vector<float> logits_;
};

double median(const std::vector<double>& sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0, squares = 0;
  for (double v : values) mean += v / static_cast<double>(values.size());
  for (double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

/// Tokens per second of each repeat, rising.
std::vector<double> rates(const Result& result, std::int64_t batch) {
  std::vector<double> rates;
  for (double s : result.seconds) rates.push_back(static_cast<double>(result.test.tokens * batch) / s);
  std::sort(rates.begin(), rates.end());
  return rates;
}

/// Weights streamed per second of decode: every step reads them once, for the whole batch.
double gigabytes_per_second(const Result& result, const Model& model) {
  return static_cast<double>(bytes_read(model)) * static_cast<double>(result.test.tokens) /
         median(result.seconds) / 1e9;
}

nlohmann::ordered_json to_json(const Result& result, const Arguments& arguments, const Model& model) {
  const std::vector<double> rate = rates(result, arguments.batch);
  nlohmann::ordered_json json = {{"test", result.test.name()},
                                 {"tokens_per_second", median(rate)},
                                 {"tokens_per_second_min", rate.front()},
                                 {"tokens_per_second_max", rate.back()},
                                 {"tokens_per_second_stddev", standard_deviation(rate)},
                                 {"seconds", result.seconds},
                                 {"depth", result.test.depth},
                                 {"batch", arguments.batch},
                                 {"threads", result.threads},
                                 {"isa", result.isa},
                                 {"type", type_of(model)},
                                 {"mmap", arguments.engine.mmap},
                                 {"kv_type", to_string(arguments.engine.cache_type)},
                                 {"model", arguments.engine.model.filename().string()},
                                 {"architecture", model.spec().architecture},
                                 {"model_bytes", model.file().size()},
                                 {"cache_bytes", result.cache_bytes},
                                 {"scratch_bytes", result.scratch_bytes},
                                 {"peak_rss_bytes", peak_rss()}};
  if (result.test.decode) json["gb_per_second"] = gigabytes_per_second(result, model);
  return json;
}

void print_header(const Arguments& arguments, const Model& model) {
  out().print(arguments.engine.model.filename().string(), ": ", model.spec().architecture, ", ",
              type_of(model), ", ", human_bytes(static_cast<double>(model.file().size())), '\n');
  out().print(left("test", 10), right("depth", 8), right("batch", 7), right("threads", 9), "  ",
              left("isa", 8), right("tokens/s", 12), right("+-", 10), right("GB/s", 8), '\n');
  out().flush();
}

void print_row(const Result& result, const Arguments& arguments, const Model& model) {
  const std::vector<double> rate = rates(result, arguments.batch);
  out().print(left(result.test.name(), 10), right(concat(result.test.depth), 8),
              right(concat(arguments.batch), 7), right(concat(result.threads), 9), "  ", left(result.isa, 8),
              right(fixed(median(rate), 2), 12), right(fixed(standard_deviation(rate), 2), 10),
              right(result.test.decode ? fixed(gigabytes_per_second(result, model), 2) : "", 8), '\n');
  out().flush();
}

std::vector<Test> list_tests(const Arguments& arguments) {
  std::vector<Test> tests;
  for (std::int64_t depth : arguments.depths) {
    for (std::int64_t tokens : arguments.prompts)
      if (tokens > 0) tests.push_back({false, tokens, depth});
    for (std::int64_t tokens : arguments.generated)
      if (tokens > 0) tests.push_back({true, tokens, depth});
  }
  if (tests.empty()) fail(ErrorCode::invalid_argument, "nothing to measure: -p or -n must be above 0");
  return tests;
}

/// Calls report(result) for each test. Returns false where the user ended it.
template <class Report>
bool run_tests(const Arguments& arguments, const std::vector<Test>& tests,
               const std::shared_ptr<const Model>& model, Report report) {
  try {
    for (int threads : arguments.threads) {
      Bench bench(arguments, model, tests, threads);
      for (const Test& test : tests) {
        std::optional<Result> result;
        {
          Progress progress(test.name(), test.tokens * arguments.batch * arguments.repeats, "tokens");
          result = bench.measure(test, arguments.repeats, progress);
        }
        report(*result);
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    return false;
  }
  return true;
}

int run(const Arguments& arguments) {
  const std::vector<Test> tests = list_tests(arguments);
  const auto model = load_model(arguments.engine);
  nlohmann::ordered_json results = nlohmann::json::array();
  if (!arguments.json) print_header(arguments, *model);
  const bool finished = run_tests(arguments, tests, model, [&](const Result& result) {
    if (arguments.json) {
      results.push_back(to_json(result, arguments, *model));
    } else {
      print_row(result, arguments, *model);
    }
  });
  if (arguments.json)
    out().print(results.dump(2), '\n');
  else if (finished)
    out().print("peak memory ", human_bytes(static_cast<double>(peak_rss())), '\n');
  return finished ? 0 : interrupted_exit_code();
}

void add_options(CLI::App& app, Arguments& arguments) {
  constexpr std::int64_t most = std::int64_t{1} << 30;
  add_model_option(app, arguments.engine.model);
  const auto list = [&](const char* name, auto& values, const char* help) {
    app.add_option(name, values, help)
        ->delimiter(',')
        ->type_name("N,...")
        ->expected(1)
        ->take_all()
        ->check(CLI::Range(std::int64_t{0}, most))
        ->capture_default_str();
  };
  list("-p,--prompt", arguments.prompts, "Tokens of a prefill; 0: none");
  list("-n,--generate", arguments.generated, "Tokens of a decode; 0: none");
  list("-d,--depth", arguments.depths, "Tokens in the cache before");
  app.add_option("-t,--threads", arguments.threads, "Threads; 0: what the machine grants, or LINNET_THREADS")
      ->delimiter(',')
      ->type_name("N,...")
      ->expected(1)
      ->take_all()
      ->check(CLI::Range(0, 1024));
  add_cache_type_option(app, arguments.engine.cache_type);
  add_mmap_option(app, arguments.engine.mmap);
  add_memory_option(app, arguments.engine.memory);
  app.add_option("-b,--batch", arguments.batch, "Sequences computed side by side")
      ->type_name("N")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  app.add_option("-r,--repeats", arguments.repeats, "Runs of each test")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--json", arguments.json, "Print a JSON array");
}

}  // namespace

Command add_bench(CLI::App& program) {
  CLI::App* const app = program.add_subcommand("bench", "Measure the speed of prefill (pp) and decode (tg)");
  const auto arguments = std::make_shared<Arguments>();
  add_options(*app, *arguments);
  app->footer(
      "tokens/s is the median over the repeats, of all sequences together, +- their standard deviation. "
      "Tokens are\n"
      "random. A short run before is not counted. GB/s: weight bytes that decoding reads, per second.\n\n"
      "Example:\n"
      "  linnet bench -m model.gguf -p 512 -n 128 -d 0,4096 --json");
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace linnet::cli
