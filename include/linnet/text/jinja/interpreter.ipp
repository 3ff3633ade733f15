// text/jinja/interpreter.ipp - the body of interpreter.hpp: statements and expressions.
#pragma once

#include <algorithm>

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/interpreter.hpp>

namespace linnet::jinja {

LINNET_INLINE Interpreter::Interpreter(const Variables& variables, std::optional<std::tm> now)
    : now_(std::move(now)), scopes_(1) {
  for (const auto& [name, value] : variables) scopes_[0].emplace(name, value);
}

LINNET_INLINE std::string Interpreter::render(const Block& block) {
  std::string out;
  out_ = &out;
  execute(block);
  return out;
}

LINNET_INLINE void Interpreter::write(std::string_view text) {
  *out_ += text;
  budget_.charge(text.size() / 64);
  if (out_->size() > Budget::max_text) budget_.charge_text(out_->size());
}

LINNET_INLINE std::string Interpreter::capture(const Block& block) {
  std::string out;
  struct Restore {
    std::string*& place;
    std::string* before;
    ~Restore() { place = before; }
  } const restore{out_, std::exchange(out_, &out)};
  const ScopeGuard scope(*this);
  execute(block);
  return out;
}

// ---- statements

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Block& block) {
  const auto level = budget_.nest();
  for (const Statement& statement : block) {
    budget_.line = statement.line;
    budget_.charge(1);
    const Flow flow = std::visit([&](const auto& node) { return execute(node); }, statement.node);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Text& node) {
  write(node.text);
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Output& node) {
  const Value value = evaluate(node.value);
  value.text() ? write(*value.text()) : write(print(budget_, value));
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const If& node) {
  for (const auto& [condition, body] : node.branches)
    if (is_true(evaluate(condition))) return execute(body);
  return execute(node.otherwise);
}

LINNET_INLINE std::vector<Value> Interpreter::loop_items(const For& node) {
  std::vector<Value> items = elements(budget_, evaluate(node.items));
  if (!node.condition) return items;
  std::erase_if(items, [&](const Value& item) {
    const ScopeGuard scope(*this);
    assign(node.target, item);
    return !is_true(evaluate(node.condition));
  });
  return items;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const For& node) {
  const auto loop = std::make_shared<Loop>(Loop{loop_items(node)});
  if (loop->items.empty()) {
    const ScopeGuard scope(*this);
    return execute(node.otherwise);
  }
  Flow flow = Flow::next;
  for (; loop->index < loop->items.size() && flow != Flow::break_loop; ++loop->index) {
    budget_.charge(1);
    const ScopeGuard scope(*this);
    scopes_.back().insert_or_assign("loop", loop);
    assign(node.target, loop->items[loop->index]);
    flow = execute(node.body);
  }
  return Flow::next;
}

LINNET_INLINE void Interpreter::assign(const Target& target, const Value& value) {
  if (!target.parts.empty()) {
    const std::vector<Value> items = elements(budget_, value);
    if (items.size() != target.parts.size())
      budget_.fail("expected ", target.parts.size(), " values to assign, got ", items.size());
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
  } else if (target.attribute.empty()) {
    scopes_.back().insert_or_assign(target.name, value);
  } else {
    const Value holder = evaluate(Name{target.name});
    if (!holder.name_space())
      budget_.fail("expected a namespace to assign to, got ", type_name(holder), " ", target.name);
    if (!value.is_data()) budget_.fail("expected data for a namespace, got a ", type_name(value));
    holder.name_space()->values.insert_or_assign(target.attribute, value);
  }
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Set& node) {
  assign(node.target, evaluate(node.value));
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Captured& node) {
  Value value = make_text(budget_, capture(node.body));
  for (const Filter& filter : node.filters) value = apply(value, filter);
  if (node.target.name.empty() && node.target.parts.empty())
    write(print(budget_, value));
  else
    assign(node.target, value);
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const With& node) {
  // The values do not see each other.
  std::vector<Value> values;
  for (const auto& entry : node.values) values.push_back(evaluate(entry.second));
  const ScopeGuard scope(*this);
  for (std::size_t i = 0; i < values.size(); ++i) assign(node.values[i].first, values[i]);
  return execute(node.body);
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Jump& node) {
  return node.is_break ? Flow::break_loop : Flow::continue_loop;
}

// ---- macros

LINNET_INLINE Value Interpreter::make_macro(const Macro& macro) {
  auto around = std::make_shared<Scope>();
  for (std::size_t i = visible_from_; i < scopes_.size(); ++i)
    for (const auto& [name, value] : scopes_[i])
      if (!value.function()) around->insert_or_assign(name, value);
  budget_.charge(around->size());
  return Function{macro.name, [&macro, around](Interpreter& interpreter, Arguments& arguments) {
                    return interpreter.call_macro(macro, *around, arguments);
                  }};
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const Macro& node) {
  scopes_.back().insert_or_assign(node.name, make_macro(node));
  return Flow::next;
}

LINNET_INLINE Interpreter::Flow Interpreter::execute(const CallBlock& node) {
  const auto& postfix = std::get<Postfix>(node.call->node);
  Value function = evaluate(postfix.base);
  for (std::size_t i = 0; i + 1 < postfix.steps.size(); ++i)
    function = std::visit([&](const auto& step) { return apply(function, step); }, postfix.steps[i]);
  Arguments arguments = evaluate_arguments(std::get<Call>(postfix.steps.back()));
  arguments.keyword.emplace_back("caller", make_macro(node.caller));
  write(print(budget_, call(function, arguments)));
  return Flow::next;
}

LINNET_INLINE void Interpreter::bind_parameters(const Macro& macro, Arguments& arguments) {
  Scope& scope = scopes_.back();
  const std::size_t count = std::min(arguments.positional.size(), macro.parameters.size());
  for (std::size_t i = 0; i < count; ++i)
    scope.insert_or_assign(macro.parameters[i].first, arguments.positional[i]);
  std::vector<Value> more(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                          arguments.positional.end());
  if (!more.empty() && !macro.takes_more_positional)
    budget_.fail("macro ", macro.name, ": expected at most ", macro.parameters.size(), " arguments, got ",
                 arguments.positional.size());
  Dict more_named;
  for (auto& [name, value] : arguments.keyword) {
    const auto is_it = [&name = name](const auto& parameter) { return parameter.first == name; };
    const auto found = std::find_if(macro.parameters.begin(), macro.parameters.end(), is_it);
    if (found != macro.parameters.end() && !scope.contains(name))
      scope.insert_or_assign(found->first, value);
    else if (name == "caller" && macro.takes_caller)
      scope.insert_or_assign("caller", value);
    else if (found == macro.parameters.end() && macro.takes_more_keyword)
      more_named.items.emplace_back(name, value);
    else
      budget_.fail("macro ", macro.name, ": expected no argument, or no second one, called ", name);
  }
  for (const auto& [name, fallback] : macro.parameters)
    if (!scope.contains(name)) {
      Value value = fallback ? evaluate(fallback) : Value(Undefined{concat("parameter ", name)});
      scopes_.back().insert_or_assign(name, std::move(value));
    }
  if (macro.takes_more_positional)
    scopes_.back().insert_or_assign("varargs", make_list(budget_, std::move(more), true));
  if (macro.takes_more_keyword) scopes_.back().insert_or_assign("kwargs", std::move(more_named));
}

LINNET_INLINE Value Interpreter::call_macro(const Macro& macro, const Scope& around, Arguments& arguments) {
  const auto level = budget_.call();
  struct Restore {
    std::size_t& place;
    std::size_t before;
    ~Restore() { place = before; }
  } const restore{visible_from_, std::exchange(visible_from_, scopes_.size())};
  const ScopeGuard outer(*this);
  scopes_.back() = around;
  const ScopeGuard inner(*this);
  const int line = budget_.line;
  bind_parameters(macro, arguments);
  Value text = make_text(budget_, capture(macro.body));
  budget_.line = line;
  return text;
}

// ---- expressions

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
    if (name.list() || name.dict())
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
