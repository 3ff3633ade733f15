// text/jinja/builtin.hpp - what the tables of filters, tests, methods and functions are made of. Never a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <linnet/text/jinja/interpreter.hpp>
#include <linnet/text/jinja/operations.hpp>

namespace linnet::jinja {

/// Arguments sorted by the names of parameters, written as "first second! third": those with ! are required.
/// "*" takes any arguments as they are.
class Bound {
 public:
  /// @throws Error(bad_model) for a missing, unknown or additional argument.
  Bound(Budget& budget, std::string_view function, std::string_view parameters, Arguments& arguments)
      : budget_(budget), function_(function), raw_(arguments) {
    if (parameters == "*") return;
    std::vector<bool> given;
    std::size_t next = 0;
    while (!parameters.empty()) {
      const std::size_t end = std::min(parameters.find(' '), parameters.size());
      std::string_view name = parameters.substr(0, end);
      parameters.remove_prefix(std::min(end + 1, parameters.size()));
      const bool required = name.ends_with('!');
      if (required) name.remove_suffix(1);
      values_.push_back(nullptr);
      if (next < arguments.positional.size()) values_.back() = &arguments.positional[next++];
      for (auto& [key, value] : arguments.keyword)
        if (key == name && !values_.back()) values_.back() = &value, ++used_;
      if (required && !values_.back()) budget.fail(function, ": expected an argument \"", name, "\"");
    }
    if (next < arguments.positional.size() || used_ < arguments.keyword.size())
      budget.fail(function, ": expected at most ", values_.size(), " arguments of known names, got others");
  }

  /// The value of a parameter, or nothing.
  const Value* find(std::size_t index) const { return values_[index]; }
  Value get(std::size_t index, Value fallback = None{}) const {
    return values_[index] ? *values_[index] : fallback;
  }
  bool flag(std::size_t index) const { return values_[index] && is_true(*values_[index]); }
  std::int64_t integer(std::size_t index, std::int64_t fallback) const {
    return values_[index] && !values_[index]->is_none() ? to_integer(budget_, *values_[index], function_)
                                                        : fallback;
  }
  const std::string& text(std::size_t index) const { return to_text(budget_, *values_[index], function_); }
  std::string_view text(std::size_t index, std::string_view fallback) const {
    return values_[index] && !values_[index]->is_none() ? std::string_view(text(index)) : fallback;
  }

  /// All arguments, of a function that takes any.
  Arguments& raw() const { return raw_; }

 private:
  Budget& budget_;
  std::string_view function_;
  Arguments& raw_;
  std::vector<const Value*> values_;
  std::size_t used_ = 0;
};

/// An entry of a table: a filter, test or method of `self`, or a function, which has none.
template <class Result>
struct Builtin {
  std::string_view name;
  std::string_view parameters;
  Result (*call)(Interpreter& interpreter, const Value& self, const Bound& arguments);
};

template <class Result>
const Builtin<Result>* find_builtin(std::span<const Builtin<Result>> table, std::string_view name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::span<const Builtin<Value>> filters();
std::span<const Builtin<bool>> tests();
/// The method of this name that values of the type of `value` have, bound to it, or nothing.
std::optional<Value> find_method(const Value& value, std::string_view name);
/// A global function, or nothing.
std::optional<Value> find_function(std::string_view name);

}  // namespace linnet::jinja
