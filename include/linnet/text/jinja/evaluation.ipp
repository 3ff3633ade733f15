// text/jinja/evaluation.ipp - the body of interpreter.hpp: expressions. Never executes a statement.
#pragma once

#include <algorithm>

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/interpreter.hpp>

namespace linnet::jinja {

LINNET_INLINE Value Interpreter::evaluate(const Expression& expression) {
  const auto level = budget_.nest();
  budget_.line = expression.line;
  budget_.charge(1);
  return std::visit([&](const auto& node) { return evaluate(node); }, expression.node);
}

LINNET_INLINE Value Interpreter::evaluate(const Name& node) {
  for (std::size_t i = scopes_.size(); i > visible_from_; --i)
    if (const auto found = scopes_[i - 1].find(node.name); found != scopes_[i - 1].end())
      return found->second;
  if (const auto found = scopes_[0].find(node.name); found != scopes_[0].end()) return found->second;
  if (const auto function = find_function(node.name)) return *function;
  return Undefined{node.name};
}

LINNET_INLINE Value Interpreter::evaluate(const ListOf& node) {
  std::vector<Value> items;
  for (const ExpressionPtr& item : node.items) items.push_back(evaluate(item));
  return make_list(budget_, std::move(items), node.tuple);
}

LINNET_INLINE Value Interpreter::evaluate(const DictOf& node) {
  Dict dict;
  for (const auto& [key, value] : node.items) {
    Value name = evaluate(key);
    if (name.list() || name.dict() || !name.is_data())
      budget_.fail("expected a text or number as a dictionary's key, got ", type_name(name));
    budget_.charge(1 + dict.items.size() / 8);
    dict.set(std::move(name), evaluate(value));
  }
  return dict;
}

LINNET_INLINE Value Interpreter::evaluate(const Negation& node) {
  return negate(budget_, evaluate(node.operand));
}

LINNET_INLINE Value Interpreter::evaluate(const Not& node) { return !is_true(evaluate(node.operand)); }

LINNET_INLINE Value Interpreter::evaluate(const Calculation& node) {
  Value value = evaluate(node.first);
  for (const auto& [op, operand] : node.rest) value = calculate(budget_, op, value, evaluate(operand));
  return value;
}

LINNET_INLINE Value Interpreter::evaluate(const Logic& node) {
  Value value;
  for (const ExpressionPtr& operand : node.operands) {
    value = evaluate(operand);
    if (is_true(value) != node.is_and) break;
  }
  return value;
}

LINNET_INLINE bool Interpreter::compare(Comparison comparison, const Value& a, const Value& b) {
  switch (comparison) {
    case Comparison::equal:
      return equal(budget_, a, b);
    case Comparison::unequal:
      return !equal(budget_, a, b);
    case Comparison::less:
      return less(budget_, a, b);
    case Comparison::less_equal:
      return less(budget_, a, b) || equal(budget_, a, b);
    case Comparison::greater:
      return less(budget_, b, a);
    case Comparison::greater_equal:
      return less(budget_, b, a) || equal(budget_, a, b);
    case Comparison::in:
      return contains(budget_, b, a);
    case Comparison::not_in:
      return !contains(budget_, b, a);
  }
  return false;
}

LINNET_INLINE Value Interpreter::evaluate(const Comparisons& node) {
  Value left = evaluate(node.first);
  for (const auto& [comparison, operand] : node.rest) {
    Value right = evaluate(operand);
    if (!compare(comparison, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

LINNET_INLINE Value Interpreter::evaluate(const Conditional& node) {
  if (is_true(evaluate(node.condition))) return evaluate(node.chosen);
  if (node.otherwise) return evaluate(node.otherwise);
  return Undefined{"the other case of an if without else"};
}

LINNET_INLINE Value Interpreter::evaluate(const Postfix& node) {
  // A test may ask for a filter or test by its name, and `x is defined` must not fail on the way to x.
  Value value = evaluate(node.base);
  for (const auto& step : node.steps)
    value = std::visit([&](const auto& one) { return apply(value, one); }, step);
  return value;
}

// ---- what follows a value

LINNET_INLINE Value Interpreter::apply(const Value& value, const Attribute& step) {
  budget_.charge(1);
  return attribute(value, step.name);
}

LINNET_INLINE Value Interpreter::apply(const Value& value, const Subscript& step) {
  return subscript(value, evaluate(step.key));
}

LINNET_INLINE Value Interpreter::apply(const Value& value, const Slice& step) {
  const auto bound = [&](const ExpressionPtr& expression) {
    return expression ? evaluate(expression) : Value(None{});
  };
  const Value start = bound(step.start), stop = bound(step.stop);
  return slice(budget_, value, start, stop, bound(step.step));
}

LINNET_INLINE Value Interpreter::apply(const Value& value, const Call& step) {
  Arguments arguments = evaluate_arguments(step);
  return call(value, arguments);
}

LINNET_INLINE Value Interpreter::apply(const Value& value, const Filter& step) {
  Arguments arguments = evaluate_arguments(step.arguments);
  return apply_filter(step.name, value, arguments);
}

LINNET_INLINE Value Interpreter::apply(const Value& value, const Test& step) {
  Arguments arguments = evaluate_arguments(step.arguments);
  return apply_test(step.name, value, arguments) != step.negated;
}

LINNET_INLINE Arguments Interpreter::evaluate_arguments(const Call& call) {
  Arguments arguments;
  for (const ExpressionPtr& argument : call.positional) arguments.positional.push_back(evaluate(argument));
  for (const auto& [name, argument] : call.keyword) arguments.keyword.emplace_back(name, evaluate(argument));
  if (call.more_positional)
    for (Value& value : elements(budget_, evaluate(call.more_positional)))
      arguments.positional.push_back(std::move(value));
  if (call.more_keyword) {
    const Value more = evaluate(call.more_keyword);
    if (!more.dict()) budget_.fail("expected a dictionary after **, got ", type_name(more));
    budget_.charge(more.dict()->items.size());
    for (const auto& [name, value] : more.dict()->items)
      arguments.keyword.emplace_back(to_text(budget_, name, "name of an argument"), value);
  }
  return arguments;
}

LINNET_INLINE Value Interpreter::call(const Value& function, Arguments& arguments) {
  budget_.charge(1 + arguments.positional.size());
  if (function.function()) {
    const Value keep = function;  // the call may assign to the name that holds it
    return keep.function()->call(*this, arguments);
  }
  if (const auto* undefined = std::get_if<Undefined>(&function.data()))
    budget_.fail(undefined->name, " is undefined");
  budget_.fail("expected a function to call, got ", type_name(function));
}

namespace detail {

inline Value loop_attribute(const Loop& loop, std::string_view name) {
  const auto index = static_cast<std::int64_t>(loop.index),
             count = static_cast<std::int64_t>(loop.items.size());
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "revindex") return count - index;
  if (name == "revindex0") return count - index - 1;
  if (name == "first") return index == 0;
  if (name == "last") return index + 1 == count;
  if (name == "length") return count;
  if (name == "depth") return 1;  // only the levels of a recursive loop count
  if (name == "depth0") return 0;
  if (name == "previtem" && index > 0) return loop.items[loop.index - 1];
  if (name == "nextitem" && index + 1 < count) return loop.items[loop.index + 1];
  return Undefined{concat("loop.", name)};
}

}  // namespace detail

LINNET_INLINE Value Interpreter::attribute(const Value& value, std::string_view name) {
  if (const auto* undefined = std::get_if<Undefined>(&value.data()))
    budget_.fail(undefined->name, " is undefined");
  if (const auto method = find_method(value, name)) return *method;
  if (const Dict* const dict = value.dict()) {
    budget_.charge(dict->items.size() / 8);
    if (const Value* const found = dict->find(name)) return *found;
  }
  if (value.loop()) return detail::loop_attribute(*value.loop(), name);
  if (const Namespace* const space = value.name_space())
    if (const auto found = space->values.find(name); found != space->values.end()) return found->second;
  return Undefined{concat(type_name(value), " attribute ", name)};
}

LINNET_INLINE Value Interpreter::subscript(const Value& value, const Value& key) {
  Value found = item(budget_, value, key);
  return found.is_undefined() && key.text() ? attribute(value, *key.text()) : found;
}

}  // namespace linnet::jinja
