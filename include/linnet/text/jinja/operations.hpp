// text/jinja/operations.hpp - what operators do to values, as in Python. Never evaluates an expression.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/jinja/budget.hpp>
#include <linnet/text/jinja/value.hpp>

namespace linnet::jinja {

// Each takes its work from the budget, and throws Error(bad_model) with the line where Python would raise.

/// A number as a double, or nothing.
inline std::optional<double> real_of(const Value& value) noexcept {
  if (const auto* number = std::get_if<double>(&value.data())) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&value.data())) return static_cast<double>(*number);
  if (const auto* flag = std::get_if<bool>(&value.data())) return *flag ? 1.0 : 0.0;
  return std::nullopt;
}

/// An integer or bool as an integer, or nothing.
inline std::optional<std::int64_t> integer_of(const Value& value) noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&value.data())) return *number;
  if (const auto* flag = std::get_if<bool>(&value.data())) return *flag ? 1 : 0;
  return std::nullopt;
}

/// "string", "int", ...: the type in Python's words.
std::string_view type_name(const Value& value) noexcept;

bool is_true(const Value& value);
bool equal(Budget& budget, const Value& a, const Value& b);
/// a < b, for numbers, texts, and lists of such.
bool less(Budget& budget, const Value& a, const Value& b);
/// item in container: a part of a text, an element of a list, a key of a dictionary.
bool contains(Budget& budget, const Value& container, const Value& item);

enum class Operator { add, subtract, multiply, divide, floor_divide, modulo, power, concatenate };
Value calculate(Budget& budget, Operator op, const Value& a, const Value& b);
Value negate(Budget& budget, const Value& value);

/// Characters, elements or keys.
std::size_t length(Budget& budget, const Value& value);
/// The elements that a loop runs over: those of a list, the characters of a text, the keys of a dictionary.
std::vector<Value> elements(Budget& budget, const Value& value);
/// value[key]; Undefined where it is not there.
Value item(Budget& budget, const Value& value, const Value& key);
/// value[start:stop:step] of a list or a text; None stands for what is left out. Undefined for other types.
Value slice(Budget& budget, const Value& value, const Value& start, const Value& stop, const Value& step);

/// The number as an integer (true is 1); an error for all else. `what` names it in the error.
std::int64_t to_integer(Budget& budget, const Value& value, std::string_view what);
/// The text; an error for all else.
const std::string& to_text(Budget& budget, const Value& value, std::string_view what);

[[noreturn]] inline void fail_overflow(Budget& budget) {
  budget.fail("expected integers of 64 bits, a result is larger");
}

/// For a value that is no data (Value::is_data) where only data may be.
[[noreturn]] inline void fail_no_data(Budget& budget, std::string_view where, const Value& value) {
  const bool holds = value.list() || value.dict();
  budget.fail("expected data ", where, ", got a ", type_name(value),
              holds ? " that holds a function, namespace or loop" : "");
}

/// A text, counted in the budget.
Value make_text(Budget& budget, std::string text);
/// A list or tuple, counted in the budget.
Value make_list(Budget& budget, std::vector<Value> items, bool tuple = false);

/// The texts as a list, counted in the budget.
inline Value list_of(Budget& budget, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  for (const std::string_view part : parts) items.push_back(make_text(budget, std::string(part)));
  return make_list(budget, std::move(items));
}

/// out += text, stopped where that becomes too long.
inline void append_text(Budget& budget, std::string& out, std::string_view text) {
  out += text;
  if (out.size() > Budget::max_text) budget.charge_text(out.size());
}

/// The shortest digits that read back, in fixed form from 1e-4 up to 1e16: repr() of a float.
std::string print_real(double number);
/// str(value): what {{ value }} prints.
std::string print(Budget& budget, const Value& value);
/// repr(value): as within a printed list.
std::string represent(Budget& budget, const Value& value);

/// format % values with the conversions %s, %r, %d, %i and %%.
Value format_text(Budget& budget, std::string_view format, const std::vector<Value>& values);

/// How JSON is written.
struct JsonStyle {
  std::optional<std::string> indent;  // what each level is indented by; none: all in one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ascii = false;      // characters above U+007F as \uXXXX
  bool sort_keys = false;  // dictionaries by key
};
std::string to_json(Budget& budget, const Value& value, const JsonStyle& style);

/// The value that a JSON text stands for.
/// @throws Error(invalid_argument) with the byte where it is malformed, or nested deeper than max_depth.
Value parse_json(std::string_view text);

}  // namespace linnet::jinja

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/jinja/json.ipp>
#include <linnet/text/jinja/operations.ipp>
#include <linnet/text/jinja/print.ipp>
#endif
