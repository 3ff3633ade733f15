// laboratory/bench.ipp - the body of bench.hpp.
#pragma once

#include <array>
#include <charconv>
#include <utility>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/bench.hpp>
#include <linnet/laboratory/machine.hpp>

namespace linnet::laboratory {

LINNET_INLINE Bench::Bench(const BenchOptions& options)
    : options_(options), team_(resolve_thread_count(options.threads)) {
  workspace_.streaming_bytes = options.streaming_bytes < 0 ? streaming_bytes() : options.streaming_bytes;
  if (options.measure_limits) read_bandwidth_ = measure_read_bandwidth(team_, streaming_bytes());
}

LINNET_INLINE double Bench::peak(const kernels::Table& table) {
  if (!options_.measure_limits) return 0;
  const auto [found, is_new] = peaks_.try_emplace(&table);
  if (is_new) found->second = measure_peak(team_, table);
  return found->second;
}

LINNET_INLINE Figures Bench::measure(const Case& one) {
  const std::unique_ptr<Experiment> experiment = one.make(workspace_);
  Figures figures{.operation = one.operation,
                  .type = one.type,
                  .isa = one.isa,
                  .shape = one.shape,
                  .tokens = one.tokens,
                  .threads = threads(),
                  .seconds = {},
                  .read_bandwidth = read_bandwidth_,
                  .peak = peak(*one.table),
                  .from_memory = experiment->from_memory};
  figures.seconds = repeat(options_.effort, [&] {
    experiment->next();
    team_.run([&](ThreadTeam::Member& member) { experiment->run(member); });
  });
  const double median = figures.seconds.median();
  figures.bytes_per_second = static_cast<double>(experiment->bytes) / median;
  figures.operations_per_second = static_cast<double>(experiment->operations) / median;
  figures.error = experiment->error();
  return figures;
}

namespace detail {

inline std::string number(double value, std::chars_format format, int digits) {
  std::array<char, 400> text;  // the longest float64 with few digits after its point
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value, format, digits).ptr};
}
inline std::string fixed(double value, int digits) { return number(value, std::chars_format::fixed, digits); }
inline std::string right(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}
inline std::string left(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}
inline std::string percent(double share) { return share > 0 ? fixed(100 * share, 1) + " %" : "-"; }

/// A figure's name and its value as JSON and CSV both write it; texts are names without quotes in them.
struct Field {
  std::string_view name;
  std::string value;
  bool is_text = false;
};

inline std::vector<Field> fields(const Figures& f) {
  const auto real = [](double value) { return number(value, std::chars_format::general, 6); };
  return {{"operation", f.operation, true},
          {"type", f.type, true},
          {"isa", f.isa, true},
          {"shape", f.shape, true},
          {"tokens", concat(f.tokens)},
          {"threads", concat(f.threads)},
          {"seconds", real(f.seconds.median())},
          {"seconds_min", real(f.seconds.min())},
          {"seconds_max", real(f.seconds.max())},
          {"runs", concat(f.seconds.values().size())},
          {"gb_per_second", real(f.bytes_per_second / 1e9)},
          {"bandwidth_percent", f.bandwidth_share() > 0 ? real(100 * f.bandwidth_share()) : ""},
          {"gflop_per_second", real(f.operations_per_second / 1e9)},
          {"peak_percent", f.peak_share() > 0 ? real(100 * f.peak_share()) : ""},
          {"error", std::isfinite(f.error) ? real(f.error) : ""},
          {"from", f.from_memory ? "memory" : "cache", true},
          {"machine_gb_per_second", real(f.read_bandwidth / 1e9)},
          {"machine_gflop_per_second", real(f.peak / 1e9)}};
}

}  // namespace detail

LINNET_INLINE std::string text_header(double read_bandwidth, int threads) {
  using detail::left, detail::right;
  std::string text = concat(threads, threads == 1 ? " thread" : " threads");
  if (read_bandwidth > 0)
    text += concat(", memory is read at ", detail::fixed(read_bandwidth / 1e9, 1), " GB/s");
  return concat(text, "\n", left("operation", 16), left("type", 9), left("isa", 12), left("shape", 14),
                right("tokens", 6), right("ms", 11), right("spread", 9), right("GB/s", 9),
                right("of memory", 11), right("GFLOP/s", 10), right("of peak", 9), right("error", 10), "\n");
}

LINNET_INLINE std::string text_row(const Figures& f) {
  using detail::fixed, detail::left, detail::percent, detail::right;
  return concat(left(f.operation, 16), left(f.type, 9), left(f.isa, 12), left(f.shape, 14),
                right(concat(f.tokens), 6), right(fixed(1e3 * f.seconds.median(), 4), 11),
                right(percent((f.seconds.max() - f.seconds.min()) / f.seconds.median()), 9),
                right(fixed(f.bytes_per_second / 1e9, 2), 9),
                right(f.from_memory ? percent(f.bandwidth_share()) : "cache", 11),
                right(f.operations_per_second > 0 ? fixed(f.operations_per_second / 1e9, 1) : "-", 10),
                right(percent(f.peak_share()), 9),
                right(detail::number(f.error, std::chars_format::scientific, 1), 10), "\n");
}

LINNET_INLINE std::string to_json(std::span<const Figures> all) {
  std::string text = "[";
  for (const Figures& figures : all) {
    text += text.size() > 1 ? ",\n  {" : "\n  {";
    std::string_view separator = "";
    for (const detail::Field& field : detail::fields(figures)) {
      const std::string value = field.is_text ? concat("\"", field.value, "\"") : field.value;
      text +=
          concat(std::exchange(separator, ", "), "\"", field.name, "\": ", value.empty() ? "null" : value);
    }
    text += "}";
  }
  return text + "\n]\n";
}

LINNET_INLINE std::string to_csv(std::span<const Figures> all) {
  std::string text;
  const auto line = [&](const Figures& figures, auto&& cell) {
    std::string_view separator = "";
    for (const detail::Field& field : detail::fields(figures))
      text += concat(std::exchange(separator, ","), cell(field));
    text += "\n";
  };
  for (const Figures& figures : all) {
    if (text.empty()) line(figures, [](const detail::Field& field) { return std::string(field.name); });
    line(figures, [](const detail::Field& field) { return field.value; });
  }
  return text;
}

}  // namespace linnet::laboratory
