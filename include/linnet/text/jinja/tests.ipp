// text/jinja/tests.ipp - the tests that `is` knows. Adding one: a row in the table.
#pragma once

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {

namespace detail {

using TestRow = Builtin<bool>;

inline bool has_remainder(Interpreter& interpreter, const Value& value, const Value& divisor, int remainder) {
  Budget& budget = interpreter.budget();
  return equal(budget, calculate(budget, Operator::modulo, value, divisor), remainder);
}

template <bool swapped, bool negated>
bool test_order(Interpreter& interpreter, const Value& a, const Bound& arguments) {
  const Value b = arguments.get(0);
  return less(interpreter.budget(), swapped ? b : a, swapped ? a : b) != negated;
}

inline bool test_same(Interpreter& interpreter, const Value& a, const Bound& arguments) {
  const Value b = arguments.get(0);
  return a.data().index() == b.data().index() && equal(interpreter.budget(), a, b);
}

}  // namespace detail

LINNET_INLINE std::span<const Builtin<bool>> tests() {
  using I = Interpreter;
  using V = const Value;
  using B = const Bound;
  static constexpr auto equals = [](I& i, V& v, B& b) { return equal(i.budget(), v, b.get(0)); };
  static constexpr auto differs = [](I& i, V& v, B& b) { return !equal(i.budget(), v, b.get(0)); };
  static const detail::TestRow rows[] = {
      {"defined", "", [](I&, V& v, B&) { return !v.is_undefined(); }},
      {"undefined", "", [](I&, V& v, B&) { return v.is_undefined(); }},
      {"none", "", [](I&, V& v, B&) { return v.is_none(); }},
      {"boolean", "", [](I&, V& v, B&) { return v.is_bool(); }},
      {"true", "", [](I&, V& v, B&) { return v.is_bool() && is_true(v); }},
      {"false", "", [](I&, V& v, B&) { return v.is_bool() && !is_true(v); }},
      {"integer", "", [](I&, V& v, B&) { return v.is_integer(); }},
      {"float", "", [](I&, V& v, B&) { return v.is_float(); }},
      {"number", "", [](I&, V& v, B&) { return v.is_number(); }},
      {"string", "", [](I&, V& v, B&) { return v.text() != nullptr; }},
      {"mapping", "", [](I&, V& v, B&) { return v.dict() != nullptr; }},
      {"sequence", "", [](I&, V& v, B&) { return v.text() || v.list() || v.dict() || v.is_undefined(); }},
      {"iterable", "", [](I&, V& v, B&) { return v.text() || v.list() || v.dict() || v.is_undefined(); }},
      {"callable", "", [](I&, V& v, B&) { return v.function() != nullptr; }},
      {"odd", "", [](I& i, V& v, B&) { return detail::has_remainder(i, v, 2, 1); }},
      {"even", "", [](I& i, V& v, B&) { return detail::has_remainder(i, v, 2, 0); }},
      {"divisibleby", "num!", [](I& i, V& v, B& b) { return detail::has_remainder(i, v, b.get(0), 0); }},
      {"lower", "", [](I& i, V& v, B&) { return is_case(print(i.budget(), v), Case::lower); }},
      {"upper", "", [](I& i, V& v, B&) { return is_case(print(i.budget(), v), Case::upper); }},
      {"in", "seq!", [](I& i, V& v, B& b) { return contains(i.budget(), b.get(0), v); }},
      {"sameas", "other!", detail::test_same},
      {"escaped", "", [](I&, V&, B&) { return false; }},
      {"filter", "", [](I&, V& v, B&) { return v.text() && find_builtin(filters(), *v.text()); }},
      {"test", "", [](I&, V& v, B&) { return v.text() && find_builtin(tests(), *v.text()); }},
      {"eq", "other!", equals},
      {"equalto", "other!", equals},
      {"==", "other!", equals},
      {"ne", "other!", differs},
      {"!=", "other!", differs},
      {"lt", "other!", detail::test_order<false, false>},
      {"lessthan", "other!", detail::test_order<false, false>},
      {"<", "other!", detail::test_order<false, false>},
      {"ge", "other!", detail::test_order<false, true>},
      {">=", "other!", detail::test_order<false, true>},
      {"gt", "other!", detail::test_order<true, false>},
      {"greaterthan", "other!", detail::test_order<true, false>},
      {">", "other!", detail::test_order<true, false>},
      {"le", "other!", detail::test_order<true, true>},
      {"<=", "other!", detail::test_order<true, true>},
  };
  return rows;
}

LINNET_INLINE bool Interpreter::apply_test(std::string_view name, const Value& value, Arguments& arguments) {
  const auto* const test = find_builtin(tests(), name);
  if (!test) budget_.fail("expected a test that linnet has, got \"", name, "\"");
  return test->call(*this, value, Bound(budget_, name, test->parameters, arguments));
}

}  // namespace linnet::jinja
