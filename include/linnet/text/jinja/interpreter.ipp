// text/jinja/interpreter.ipp - the body of interpreter.hpp: statements. Expressions are in evaluation.ipp.
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
    if (!value.is_data()) fail_no_data(budget_, "for a namespace", value);
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
      if (value.is_data() || value.name_space() || value.loop()) around->insert_or_assign(name, value);
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

}  // namespace linnet::jinja

#include <linnet/text/jinja/evaluation.ipp>
