// cli/bench_report.cpp - the body of bench_report.hpp.
#include "bench_report.hpp"

#include <algorithm>
#include <vector>

#include <linnet/quant/mix.hpp>

#include "format.hpp"

namespace linnet::cli {
namespace {

/// What its file calls the mix of types, or the type of most weights.
std::string type_of(const Model& model) {
  const gguf::Metadata& metadata = model.file().metadata();
  const std::int64_t file_type =
      metadata.contains("general.file_type") ? metadata.integer("general.file_type") : -1;
  for (const quant::Mix& mix : quant::mixes)
    if (mix.file_type == file_type && mix.base == model.main_type()) return std::string(mix.name);
  return std::string(to_string(model.main_type()));
}

/// The work of a run's one prefill, or of the step in the middle of its decode.
Work work_of(const BenchResult& result, const Model& model) {
  const BenchTest& test = result.test;
  Step step{.depth = test.depth, .batch = result.setting.batch, .cache_type = result.setting.cache_type};
  if (test.decode) {
    step.depth += test.tokens / 2;
  } else {
    step.tokens = test.tokens;
  }
  return count_work(model, step);
}

/// The figures that compare a step's time with the machine's limits.
void add_limits(const BenchResult& result, const Work& work, Json& json) {
  const double seconds =
      result.times.runs.median() / static_cast<double>(result.test.decode ? result.test.tokens : 1);
  const MachineLimits& limits = result.limits;
  json["gb_per_second"] = nullptr;
  if (result.test.decode) json["gb_per_second"] = work.weight_bytes / seconds / 1e9;
  json["gflop_per_second"] = work.operations / seconds / 1e9;
  json["flop_per_byte"] = work.operations / (work.weight_bytes + work.cache_bytes);
  for (const char* key : {"roofline_percent", "limit", "machine_gb_per_second", "machine_gflop_per_second"})
    json[key] = nullptr;
  // The peak is that of the instruction that multiplies weights best, which floats do not use.
  if (limits.read_bandwidth <= 0 || limits.peak <= 0 || result.float32) return;
  const double reading = (work.weight_bytes + work.cache_bytes) / limits.read_bandwidth;
  const double computing = work.operations / limits.peak;
  json["roofline_percent"] = 100 * std::max(reading, computing) / seconds;
  json["limit"] = reading > computing ? "memory" : "compute";
  json["machine_gb_per_second"] = limits.read_bandwidth / 1e9;
  json["machine_gflop_per_second"] = limits.peak / 1e9;
}

std::string cell(const Json& value, int digits) {
  return value.is_null() ? "-" : fixed(value.get<double>(), digits);
}

}  // namespace

Json to_json(const BenchResult& result, const Model& model) {
  std::vector<double> values;
  for (double seconds : result.times.runs.values())
    values.push_back(static_cast<double>(result.test.tokens * result.setting.batch) / seconds);
  const laboratory::Spread rate(std::move(values));
  Json json = {{"test", result.test.name()},
               {"tokens_per_second", rate.median()},
               {"tokens_per_second_min", rate.min()},
               {"tokens_per_second_max", rate.max()},
               {"tokens_per_second_stddev", rate.standard_deviation()},
               {"seconds", result.times.runs.values()},
               {"time_to_first_token_ms", nullptr},
               {"inter_token_ms_p50", nullptr},
               {"inter_token_ms_p99", nullptr},
               {"depth", result.test.depth},
               {"batch", result.setting.batch},
               {"threads", result.threads},
               {"isa", result.isa}};
  if (result.test.decode) {
    json["inter_token_ms_p50"] = 1e3 * result.times.steps.median();
    json["inter_token_ms_p99"] = 1e3 * result.times.steps.quantile(0.99);
  } else {
    json["time_to_first_token_ms"] = 1e3 * result.times.runs.median();
  }
  add_limits(result, work_of(result, model), json);
  json.update(Json{{"type", type_of(model)},
                   {"mmap", result.mmap},
                   {"float32", result.float32},
                   {"kv_type", to_string(result.setting.cache_type)},
                   {"model", result.model_name},
                   {"architecture", model.spec().architecture},
                   {"model_bytes", model.file().size()},
                   {"cache_bytes", result.cache_bytes},
                   {"scratch_bytes", result.scratch_bytes},
                   {"peak_rss_bytes", result.peak_rss_bytes}});
  return json;
}

std::string to_csv(const Json& results) {
  const auto text_of = [](const Json& value) -> std::string {
    if (value.is_null()) return "";
    if (!value.is_string()) return dump(value);
    const auto text = value.get<std::string>();
    if (text.find_first_of(",\"\n") == text.npos) return text;
    std::string quoted = "\"";
    for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
  };
  std::string csv;
  const auto line = [&](const Json& object, auto&& cell_of) {
    std::string_view separator = "";
    for (const auto& [key, value] : object.items()) {
      csv += concat(separator, cell_of(key, value));
      separator = ",";
    }
    csv += '\n';
  };
  for (const Json& result : results) {
    if (csv.empty()) line(result, [](const std::string& key, const Json&) { return key; });
    line(result, [&](const std::string&, const Json& value) {
      if (!value.is_array()) return text_of(value);
      std::string joined;
      for (const Json& item : value) joined += concat(joined.empty() ? "" : ";", text_of(item));
      return joined;
    });
  }
  return csv;
}

std::string bench_header(const std::string& model_name, const Model& model) {
  const std::string_view mode = model.is_float32()          ? ", multiplied in float32"
                                : model.weight_bytes() == 0 ? ", weights left in the file"
                                                            : "";
  return concat(model_name, ": ", model.spec().architecture, ", ", type_of(model), ", ",
                human_bytes(static_cast<double>(model.file().size())), mode, '\n');
}

std::string bench_limits(const MachineLimits& limits, int threads, std::string_view isa) {
  if (limits.read_bandwidth <= 0) return "";
  return concat("limits of ", threads,
                threads == 1 ? " thread: " : " threads: ", fixed(limits.read_bandwidth / 1e9, 1),
                " GB/s read, ", fixed(limits.peak / 1e9, 0), " GFLOP/s with ", isa, '\n');
}

std::string bench_columns() {
  return concat(left("test", 8), right("depth", 7), right("batch", 6), right("threads", 8), "  ",
                left("isa", 11), right("tokens/s", 10), right("min", 10), right("max", 10), right("ms", 9),
                right("p99 ms", 9), right("GB/s", 8), right("GFLOP/s", 9), right("roofline", 10), '\n');
}

std::string bench_row(const Json& result) {
  const bool decode = !result["inter_token_ms_p50"].is_null();
  const Json& share = result["roofline_percent"];
  return concat(
      left(result["test"].get<std::string>(), 8), right(concat(result["depth"].get<std::int64_t>()), 7),
      right(concat(result["batch"].get<std::int64_t>()), 6), right(concat(result["threads"].get<int>()), 8),
      "  ", left(result["isa"].get<std::string>(), 11), right(cell(result["tokens_per_second"], 2), 10),
      right(cell(result["tokens_per_second_min"], 2), 10),
      right(cell(result["tokens_per_second_max"], 2), 10),
      right(cell(result[decode ? "inter_token_ms_p50" : "time_to_first_token_ms"], 2), 9),
      right(cell(result["inter_token_ms_p99"], 2), 9), right(cell(result["gb_per_second"], 2), 8),
      right(cell(result["gflop_per_second"], 0), 9),
      right(share.is_null() ? "-" : concat(cell(share, 1), " %"), 10), '\n');
}

}  // namespace linnet::cli
