// text/jinja/operations.ipp - comparisons, arithmetic and access, the first part of operations.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <linnet/text/jinja/operations.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {

LINNET_INLINE const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : items)
    if (const std::string* text = name.text(); text && *text == key) return &value;
  return nullptr;
}

LINNET_INLINE const Value* Dict::find(const Value& key) const {
  if (key.text()) return find(std::string_view(*key.text()));
  for (const auto& [name, value] : items) {
    const bool same_number = real_of(key) && real_of(name) && *real_of(key) == *real_of(name);
    if (same_number || (key.is_none() && name.is_none())) return &value;
  }
  return nullptr;
}

LINNET_INLINE void Dict::set(Value key, Value value) {
  const Value* const there = find(key);
  const auto holds_it = [&](const auto& entry) { return &entry.second == there; };
  const auto place = std::find_if(items.begin(), items.end(), holds_it);
  if (place != items.end())
    place->second = std::move(value);
  else
    items.emplace_back(std::move(key), std::move(value));
}

LINNET_INLINE std::string_view type_name(const Value& value) noexcept {
  constexpr std::string_view names[] = {"undefined", "none", "bool",      "int",      "float", "string",
                                        "list",      "dict", "namespace", "function", "loop"};
  return value.list() && value.list()->tuple ? "tuple" : names[value.data().index()];
}

LINNET_INLINE bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (const auto number = real_of(value)) return *number != 0;
  if (value.text()) return !value.text()->empty();
  if (value.list()) return !value.list()->items.empty();
  return !value.dict() || !value.dict()->items.empty();
}

LINNET_INLINE bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.charge(1);
  if (integer_of(a) && integer_of(b)) return *integer_of(a) == *integer_of(b);
  if (real_of(a) && real_of(b)) return *real_of(a) == *real_of(b);
  if (a.data().index() != b.data().index()) return false;
  if (a.text()) {
    budget.charge_text(std::min(a.text()->size(), b.text()->size()));
    return *a.text() == *b.text();
  }
  if (a.list())
    return a.list()->tuple == b.list()->tuple &&
           std::equal(a.list()->items.begin(), a.list()->items.end(), b.list()->items.begin(),
                      b.list()->items.end(),
                      [&](const Value& x, const Value& y) { return equal(budget, x, y); });
  if (a.dict()) {
    const auto& items = a.dict()->items;
    if (items.size() != b.dict()->items.size()) return false;
    return std::all_of(items.begin(), items.end(), [&](const auto& entry) {
      budget.charge(1 + items.size() / 8);
      const Value* const other = b.dict()->find(entry.first);
      return other && equal(budget, entry.second, *other);
    });
  }
  return a.is_undefined() || a.is_none() || (a.name_space() && a.name_space() == b.name_space());
}

LINNET_INLINE bool less(Budget& budget, const Value& a, const Value& b) {
  budget.charge(1);
  if (integer_of(a) && integer_of(b)) return *integer_of(a) < *integer_of(b);
  if (real_of(a) && real_of(b)) return *real_of(a) < *real_of(b);
  if (a.text() && b.text()) {
    budget.charge_text(std::min(a.text()->size(), b.text()->size()));
    return *a.text() < *b.text();
  }
  if (!a.list() || !b.list() || a.list()->tuple != b.list()->tuple)
    budget.fail("expected two numbers, texts or lists to compare, got ", type_name(a), " and ", type_name(b));
  const auto &x = a.list()->items, &y = b.list()->items;
  std::size_t i = 0;
  while (i < x.size() && i < y.size() && equal(budget, x[i], y[i])) ++i;
  return i < x.size() && i < y.size() ? less(budget, x[i], y[i]) : x.size() < y.size();
}

LINNET_INLINE bool contains(Budget& budget, const Value& container, const Value& item) {
  budget.charge(1);
  if (container.text()) {
    budget.charge_text(container.text()->size());
    return container.text()->find(to_text(budget, item, "what is looked for in a text")) != std::string::npos;
  }
  if (container.dict()) {
    budget.charge(container.dict()->items.size() / 8);
    return container.dict()->find(item) != nullptr;
  }
  const std::vector<Value>* items = container.list() ? &container.list()->items : nullptr;
  if (container.is_undefined()) return false;
  if (!items) budget.fail("expected a text, list or dictionary after \"in\", got ", type_name(container));
  return std::any_of(items->begin(), items->end(),
                     [&](const Value& element) { return equal(budget, element, item); });
}

LINNET_INLINE std::int64_t to_integer(Budget& budget, const Value& value, std::string_view what) {
  const auto number = integer_of(value);
  if (!number) budget.fail(what, ": expected an integer, got ", type_name(value));
  return *number;
}

LINNET_INLINE const std::string& to_text(Budget& budget, const Value& value, std::string_view what) {
  if (value.is_undefined()) budget.fail(what, ": ", std::get<Undefined>(value.data()).name, " is undefined");
  if (!value.text()) budget.fail(what, ": expected a text, got ", type_name(value));
  return *value.text();
}

LINNET_INLINE Value make_text(Budget& budget, std::string text) {
  budget.charge_text(text.size());
  return Value(std::move(text));
}

LINNET_INLINE Value make_list(Budget& budget, std::vector<Value> items, bool tuple) {
  budget.charge(items.size());
  return Value(List{std::move(items), tuple, 0});
}

namespace detail {

/// Floor division and remainder, which has the sign of b. @pre b != 0, and not both -2^63 and -1
inline std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
inline double floor_remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

inline Value integer_power(Budget& budget, std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  std::int64_t result = 1;
  if (base == 0 || base == 1 || base == -1)
    return base == -1 && exponent % 2 == 0 ? 1 : exponent == 0 ? 1 : base;
  for (; exponent > 0; --exponent)
    if (__builtin_mul_overflow(result, base, &result)) fail_overflow(budget);
  return result;
}

inline Value calculate_integers(Budget& budget, Operator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case Operator::add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Operator::subtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Operator::multiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Operator::power:
      return integer_power(budget, a, b);
    default:
      if (b == 0) budget.fail("expected a divisor other than 0");
      if (op == Operator::divide) return static_cast<double>(a) / static_cast<double>(b);
      overflow = b == -1 && a == std::numeric_limits<std::int64_t>::min();
      if (!overflow) result = op == Operator::modulo ? a - b * floor_quotient(a, b) : floor_quotient(a, b);
  }
  if (overflow) fail_overflow(budget);
  return result;
}

inline Value calculate_reals(Budget& budget, Operator op, double a, double b) {
  if (op == Operator::add) return a + b;
  if (op == Operator::subtract) return a - b;
  if (op == Operator::multiply) return a * b;
  if (op == Operator::power) return std::pow(a, b);
  if (b == 0) budget.fail("expected a divisor other than 0");
  if (op == Operator::divide) return a / b;
  return op == Operator::modulo ? floor_remainder(a, b) : std::floor((a - floor_remainder(a, b)) / b + 0.5);
}

/// The text or list so many times over.
inline Value repeat(Budget& budget, const Value& value, std::int64_t times) {
  const std::size_t size = value.text() ? value.text()->size() : value.list()->items.size();
  const std::size_t count = times <= 0 || size == 0 ? 0 : static_cast<std::size_t>(times);
  if (count > Budget::max_text / std::max<std::size_t>(size, 1)) budget.charge_text(Budget::max_text + 1);
  if (value.text()) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += *value.text();
    return make_text(budget, std::move(text));
  }
  budget.charge(count * size);
  std::vector<Value> items;
  for (std::size_t i = 0; i < count; ++i)
    items.insert(items.end(), value.list()->items.begin(), value.list()->items.end());
  return Value(List{std::move(items), value.list()->tuple, 0});
}

}  // namespace detail

LINNET_INLINE Value calculate(Budget& budget, Operator op, const Value& a, const Value& b) {
  budget.charge(1);
  if (op == Operator::concatenate) return make_text(budget, print(budget, a) + print(budget, b));
  if (integer_of(a) && integer_of(b))
    return detail::calculate_integers(budget, op, *integer_of(a), *integer_of(b));
  if (real_of(a) && real_of(b)) return detail::calculate_reals(budget, op, *real_of(a), *real_of(b));
  if (op == Operator::add && a.text() && b.text()) {
    budget.charge_text(a.text()->size() + b.text()->size());
    return Value(*a.text() + *b.text());
  }
  if (op == Operator::add && a.list() && b.list() && a.list()->tuple == b.list()->tuple) {
    budget.charge(a.list()->items.size() + b.list()->items.size());
    std::vector<Value> items = a.list()->items;
    items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
    return Value(List{std::move(items), a.list()->tuple, 0});
  }
  if (op == Operator::multiply && (a.text() || a.list()) && integer_of(b))
    return detail::repeat(budget, a, *integer_of(b));
  if (op == Operator::multiply && (b.text() || b.list()) && integer_of(a))
    return detail::repeat(budget, b, *integer_of(a));
  if (op == Operator::modulo && a.text())
    return format_text(budget, *a.text(),
                       b.list() && b.list()->tuple ? b.list()->items : std::vector<Value>{b});
  for (const Value* const value : {&a, &b})
    if (const auto* undefined = std::get_if<Undefined>(&value->data()))
      budget.fail(undefined->name, " is undefined");
  constexpr std::string_view signs[] = {"+", "-", "*", "/", "//", "%", "**", "~"};
  budget.fail("expected operands that \"", signs[static_cast<int>(op)], "\" takes, got ", type_name(a),
              " and ", type_name(b));
}

LINNET_INLINE Value negate(Budget& budget, const Value& value) {
  if (value.is_float()) return -*real_of(value);
  return calculate(budget, Operator::subtract, 0, value);
}

LINNET_INLINE std::size_t length(Budget& budget, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.text()) {
    budget.charge_text(value.text()->size());
    return length_of(*value.text());
  }
  if (value.list()) return value.list()->items.size();
  if (!value.dict()) budget.fail("expected something with a length, got ", type_name(value));
  return value.dict()->items.size();
}

LINNET_INLINE std::vector<Value> elements(Budget& budget, const Value& value) {
  std::vector<Value> items;
  if (value.list()) {
    budget.charge(value.list()->items.size());
    return value.list()->items;
  }
  if (value.dict()) {
    budget.charge(value.dict()->items.size());
    for (const auto& entry : value.dict()->items) items.push_back(entry.first);
  } else if (value.text()) {
    budget.charge(value.text()->size());
    for_each_character(*value.text(),
                       [&](std::string_view character, auto&) { items.emplace_back(character); });
  } else if (!value.is_undefined()) {
    budget.fail("expected a list, dictionary or text to run over, got ", type_name(value));
  }
  return items;
}

LINNET_INLINE Value item(Budget& budget, const Value& value, const Value& key) {
  budget.charge(1);
  if (const auto* undefined = std::get_if<Undefined>(&value.data()))
    budget.fail(undefined->name, " is undefined");
  if (value.dict()) {
    budget.charge(value.dict()->items.size() / 8);
    if (const Value* const found = value.dict()->find(key)) return *found;
  }
  const auto index = integer_of(key);
  if (index && (value.list() || value.text())) {
    const auto count = static_cast<std::int64_t>(length(budget, value));
    const std::int64_t at = *index < 0 ? *index + count : *index;
    if (at >= 0 && at < count) {
      if (value.list()) return value.list()->items[static_cast<std::size_t>(at)];
      const std::string_view rest =
          std::string_view(*value.text()).substr(offset_of(*value.text(), static_cast<std::size_t>(at)));
      return rest.substr(0, offset_of(rest, 1));
    }
  }
  return Undefined{concat(type_name(value), " element ", represent(budget, key))};
}

LINNET_INLINE Value slice(Budget& budget, const Value& value, const Value& start, const Value& stop,
                          const Value& step_value) {
  if (const auto* undefined = std::get_if<Undefined>(&value.data()))
    budget.fail(undefined->name, " is undefined");
  const auto is_bound = [](const Value& bound) { return bound.is_none() || integer_of(bound); };
  if ((!value.list() && !value.text()) || !is_bound(start) || !is_bound(stop) || !is_bound(step_value))
    return Undefined{concat("slice of ", type_name(value))};
  const auto count = static_cast<std::int64_t>(length(budget, value));
  const std::int64_t step = step_value.is_none() ? 1 : to_integer(budget, step_value, "step of a slice");
  if (step == 0) budget.fail("expected a step other than 0 in a slice");
  // Positions run from 0 to count, backwards from count - 1 to -1.
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
  const auto position = [&](const Value& bound, std::int64_t fallback) {
    if (bound.is_none()) return fallback;
    const std::int64_t at = to_integer(budget, bound, "bound of a slice");
    return std::clamp(at < 0 ? std::max(at, -count - 1) + count : at, low, high);
  };
  const std::int64_t first = position(start, step > 0 ? low : high),
                     last = position(stop, step > 0 ? high : low);
  if (value.text() && step == 1) {
    const std::string_view rest =
        std::string_view(*value.text()).substr(offset_of(*value.text(), static_cast<std::size_t>(first)));
    return make_text(
        budget, std::string(rest.substr(
                    0, offset_of(rest, static_cast<std::size_t>(std::max<std::int64_t>(0, last - first))))));
  }
  const std::vector<Value> items = elements(budget, value);
  std::vector<std::size_t> places;
  // The distance is unsigned, so that no step overflows it.
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const std::uint64_t stride =
      step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  for (std::uint64_t moved = 0; distance > 0 && moved < static_cast<std::uint64_t>(distance);
       moved += stride) {
    places.push_back(static_cast<std::size_t>(step > 0 ? first + static_cast<std::int64_t>(moved)
                                                       : first - static_cast<std::int64_t>(moved)));
    if (stride >= static_cast<std::uint64_t>(distance)) break;
  }
  std::vector<Value> chosen;
  for (const std::size_t place : places) chosen.push_back(items[place]);
  if (value.list()) return make_list(budget, std::move(chosen), value.list()->tuple);
  std::string text;
  for (const Value& character : chosen) text += *character.text();
  return make_text(budget, std::move(text));
}

}  // namespace linnet::jinja
