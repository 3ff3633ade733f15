// sampling.cpp - the bodies of sampling.hpp.
#include "sampling.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <linnet/base/printable.hpp>

#include "arguments.hpp"

namespace linnet::python {
namespace {

using Setter = std::function<void(SamplingOptions&, const py::handle&, std::string_view)>;

std::vector<std::string> to_texts(const py::handle& value, std::string_view name) {
  if (PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr())) return {to_text(value, name)};
  if (!py::isinstance<py::sequence>(value))
    fail(ErrorCode::invalid_argument, name, ": expected a text or a sequence of texts, found ",
         Py_TYPE(value.ptr())->tp_name);
  std::vector<std::string> texts;
  for (const py::handle item : py::tuple(py::reinterpret_borrow<py::object>(value)))
    texts.push_back(to_text(item, name));
  return texts;
}

std::vector<std::pair<Token, float>> to_biases(const py::handle& value, std::string_view name) {
  if (!PyDict_Check(value.ptr()))
    fail(ErrorCode::invalid_argument, name, ": expected a dict of token to number, found ",
         Py_TYPE(value.ptr())->tp_name);
  std::vector<std::pair<Token, float>> biases;
  // A copy, since converting a strange key may run code that changes the dictionary.
  for (const py::handle item : py::list(py::reinterpret_borrow<py::dict>(value).attr("items")())) {
    const auto pair = py::reinterpret_borrow<py::tuple>(item);
    const std::int64_t token = to_integer(pair[0], name, 0, std::numeric_limits<Token>::max());
    biases.emplace_back(static_cast<Token>(token), to_float(pair[1], name));
  }
  return biases;
}

std::uint64_t to_seed(const py::handle& value, std::string_view name) {
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  const std::uint64_t seed = number ? PyLong_AsUnsignedLongLong(number.ptr()) : 0;
  if (!PyErr_Occurred()) return seed;
  clear_conversion_error();
  fail(ErrorCode::invalid_argument, name, ": expected an integer of 0 to 2^64 - 1");
}

std::string join(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += concat(joined.empty() ? "" : ";", name);
  return joined;
}

template <float SamplingOptions::*field>
void set_float(SamplingOptions& options, const py::handle& value, std::string_view name) {
  options.*field = to_float(value, name);
}

/// Of numbers from `low` on; the Sampler says what else it refuses.
template <auto field, std::int64_t low>
void set_integer(SamplingOptions& options, const py::handle& value, std::string_view name) {
  using Number = std::remove_reference_t<decltype(options.*field)>;
  options.*field = static_cast<Number>(to_integer(value, name, low, std::numeric_limits<Number>::max()));
}

const std::map<std::string_view, Setter>& setters() {
  using Options = SamplingOptions;
  static const std::map<std::string_view, Setter> all = {
      {"max_tokens", set_integer<&Options::max_tokens, std::numeric_limits<std::int64_t>::min()>},
      {"stop", [](Options& o, const py::handle& v, std::string_view n) { o.stop = to_texts(v, n); }},
      {"temperature", set_float<&Options::temperature>},
      {"dynatemp_range", set_float<&Options::dynatemp_range>},
      {"dynatemp_exponent", set_float<&Options::dynatemp_exponent>},
      {"top_k", set_integer<&Options::top_k, 0>},
      {"top_p", set_float<&Options::top_p>},
      {"min_p", set_float<&Options::min_p>},
      {"typical_p", set_float<&Options::typical_p>},
      {"top_n_sigma", set_float<&Options::top_n_sigma>},
      {"xtc_probability", set_float<&Options::xtc_probability>},
      {"xtc_threshold", set_float<&Options::xtc_threshold>},
      {"penalty_last_n", set_integer<&Options::penalty_last_n, -1>},
      {"penalty_repeat", set_float<&Options::penalty_repeat>},
      {"penalty_frequency", set_float<&Options::penalty_frequency>},
      {"penalty_presence", set_float<&Options::penalty_presence>},
      {"dry_multiplier", set_float<&Options::dry_multiplier>},
      {"dry_base", set_float<&Options::dry_base>},
      {"dry_allowed_length", set_integer<&Options::dry_allowed_length, 1>},
      {"dry_last_n", set_integer<&Options::dry_last_n, -1>},
      {"dry_breakers",
       [](Options& o, const py::handle& v, std::string_view n) { o.dry_breakers = to_texts(v, n); }},
      {"mirostat", set_integer<&Options::mirostat, 0>},
      {"mirostat_tau", set_float<&Options::mirostat_tau>},
      {"mirostat_eta", set_float<&Options::mirostat_eta>},
      {"logit_bias",
       [](Options& o, const py::handle& v, std::string_view n) { o.logit_bias = to_biases(v, n); }},
      {"order", [](Options& o, const py::handle& v, std::string_view n) { o.order = join(to_texts(v, n)); }},
      {"seed", [](Options& o, const py::handle& v, std::string_view n) { o.seed = to_seed(v, n); }},
  };
  return all;
}

[[noreturn]] void refuse_name(std::string_view name) {
  std::string names;
  for (const auto& setter : setters()) names += concat(names.empty() ? "" : ", ", setter.first);
  fail(ErrorCode::invalid_argument, "unknown setting ", in_quotes(name), "; there are ", names);
}

}  // namespace

SamplingOptions read_sampling(const py::dict& settings, SamplingOptions options) {
  for (const py::handle item : py::list(settings.attr("items")())) {
    const auto pair = py::reinterpret_borrow<py::tuple>(item);
    const std::string name = to_text(pair[0], "setting");
    const auto found = setters().find(name);
    if (found == setters().end()) refuse_name(name);
    if (!pair[1].is_none()) found->second(options, pair[1], found->first);
  }
  return options;
}

}  // namespace linnet::python
