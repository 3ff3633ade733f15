// text/jinja/list_filters.hpp - the filters of lists and dictionaries. Never named outside filters.ipp.
#pragma once

#include <algorithm>
#include <string>

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja::detail {

// ---- items by their attributes

/// What `attribute="a.b.0"` names of a value.
inline Value get_path(Interpreter& interpreter, Value value, const Value& path) {
  if (path.is_none()) return value;
  if (!path.text()) return interpreter.subscript(value, path);
  for (const std::string_view part : split(*path.text(), ".", -1, false)) {
    const bool is_index =
        !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos && part.size() < 10;
    value = interpreter.subscript(value, is_index ? Value(std::stoi(std::string(part))) : Value(part));
  }
  return value;
}

/// Texts without their case, unless it counts.
inline Value sort_key(Interpreter& interpreter, const Value& value, const Value& path, bool case_sensitive) {
  Value key = get_path(interpreter, value, path);
  if (case_sensitive || !key.text()) return key;
  return make_text(interpreter.budget(), change_case(*key.text(), Case::lower));
}

/// Sorted by one attribute, or by several with commas between them.
inline Value sort_items(Interpreter& interpreter, std::vector<Value> items, const Value& paths, bool reverse,
                        bool case_sensitive) {
  std::vector<Value> each = {paths};
  if (paths.text()) each = list_of(interpreter.budget(), split(*paths.text(), ",", -1, false)).list()->items;
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : items) {
    std::vector<Value> keys;
    for (const Value& path : each) keys.push_back(sort_key(interpreter, item, path, case_sensitive));
    keyed.emplace_back(make_list(interpreter.budget(), std::move(keys)), std::move(item));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? less(interpreter.budget(), b.first, a.first)
                   : less(interpreter.budget(), a.first, b.first);
  });
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = std::move(keyed[i].second);
  return make_list(interpreter.budget(), std::move(items));
}

inline Value filter_sort(Interpreter& i, const Value& value, const Bound& b) {
  return sort_items(i, elements(i.budget(), value), b.get(2), b.flag(0), b.flag(1));
}

inline Value filter_dictsort(Interpreter& i, const Value& value, const Bound& b) {
  if (!value.dict()) i.budget().fail("dictsort: expected a dictionary, got ", type_name(value));
  const std::string_view by = b.text(1, "key");
  if (by != "key" && by != "value")
    i.budget().fail("dictsort: expected \"key\" or \"value\", got \"", by, "\"");
  std::vector<Value> items;
  for (const auto& [key, content] : value.dict()->items)
    items.push_back(make_list(i.budget(), {key, content}, true));
  return sort_items(i, std::move(items), by == "key" ? 0 : 1, b.flag(2), b.flag(0));
}

template <bool largest>
Value filter_extreme(Interpreter& i, const Value& value, const Bound& b) {
  const std::vector<Value> items = elements(i.budget(), value);
  if (items.empty()) return Undefined{"the extreme of an empty list"};
  const auto key = [&](const Value& item) { return sort_key(i, item, b.get(1), b.flag(0)); };
  std::size_t best = 0;
  for (std::size_t at = 1; at < items.size(); ++at)
    if (less(i.budget(), key(items[largest ? best : at]), key(items[largest ? at : best]))) best = at;
  return items[best];
}

inline Value filter_unique(Interpreter& i, const Value& value, const Bound& b) {
  std::vector<Value> kept, keys;
  for (Value& item : elements(i.budget(), value)) {
    Value key = sort_key(i, item, b.get(1), b.flag(0));
    const auto same = [&](const Value& other) { return equal(i.budget(), key, other); };
    if (std::any_of(keys.begin(), keys.end(), same)) continue;
    keys.push_back(std::move(key));
    kept.push_back(std::move(item));
  }
  return make_list(i.budget(), std::move(kept));
}

inline Value filter_sum(Interpreter& i, const Value& value, const Bound& b) {
  Value sum = b.get(1, 0);
  for (const Value& item : elements(i.budget(), value))
    sum = calculate(i.budget(), Operator::add, sum, get_path(i, item, b.get(0)));
  return sum;
}

/// What map and select run over: nothing for none, false and 0.
inline std::vector<Value> items_if_any(Interpreter& i, const Value& value) {
  return is_true(value) ? elements(i.budget(), value) : std::vector<Value>{};
}

inline Value filter_map(Interpreter& i, const Value& value, const Bound& b) {
  Arguments& arguments = b.raw();
  std::vector<Value> items = items_if_any(i, value);
  if (!arguments.positional.empty()) {
    const std::string name = to_text(i.budget(), arguments.positional[0], "map: name of a filter");
    arguments.positional.erase(arguments.positional.begin());
    for (Value& item : items) {
      Arguments copy = arguments;
      item = i.apply_filter(name, item, copy);
    }
  } else {
    const Bound named(i.budget(), "map", "attribute! default", arguments);
    for (Value& item : items) {
      item = get_path(i, item, named.get(0));
      if (item.is_undefined() && named.find(1)) item = named.get(1);
    }
  }
  return make_list(i.budget(), std::move(items));
}

/// select, reject, selectattr, rejectattr: the items for which a test, without a name their truth, is as
/// wanted.
template <bool by_attribute, bool wanted>
Value filter_select(Interpreter& i, const Value& value, const Bound& b) {
  Arguments& arguments = b.raw();
  std::size_t used = 0;
  Value path;
  if (by_attribute) {
    if (arguments.positional.empty()) i.budget().fail("selectattr: expected the name of an attribute");
    path = arguments.positional[used++];
  }
  std::string test;
  if (arguments.positional.size() > used)
    test = to_text(i.budget(), arguments.positional[used++], "name of a test");
  arguments.positional.erase(arguments.positional.begin(),
                             arguments.positional.begin() + static_cast<std::ptrdiff_t>(used));
  std::vector<Value> kept;
  for (Value& item : items_if_any(i, value)) {
    const Value subject = get_path(i, item, path);
    Arguments copy = arguments;
    if ((test.empty() ? is_true(subject) : i.apply_test(test, subject, copy)) == wanted)
      kept.push_back(std::move(item));
  }
  return make_list(i.budget(), std::move(kept));
}

// ---- lists

inline Value filter_first(Interpreter& i, const Value& value, const Bound&) {
  if (value.text()) return item(i.budget(), value, 0);
  const std::vector<Value> items = elements(i.budget(), value);
  return items.empty() ? Value(Undefined{"the first item of an empty list"}) : items.front();
}

inline Value filter_last(Interpreter& i, const Value& value, const Bound&) {
  if (value.text()) return item(i.budget(), value, -1);
  const std::vector<Value> items = elements(i.budget(), value);
  return items.empty() ? Value(Undefined{"the last item of an empty list"}) : items.back();
}

inline Value filter_reverse(Interpreter& i, const Value& value, const Bound&) {
  if (value.text()) return slice(i.budget(), value, None{}, None{}, -1);
  std::vector<Value> items = elements(i.budget(), value);
  std::reverse(items.begin(), items.end());
  return make_list(i.budget(), std::move(items));
}

inline Value filter_items(Interpreter& i, const Value& value, const Bound&) {
  std::vector<Value> items;
  if (value.is_undefined()) return make_list(i.budget(), {});
  if (!value.dict()) i.budget().fail("items: expected a dictionary, got ", type_name(value));
  for (const auto& [key, content] : value.dict()->items)
    items.push_back(make_list(i.budget(), {key, content}, true));
  return make_list(i.budget(), std::move(items));
}

inline Value filter_join(Interpreter& i, const Value& value, const Bound& b) {
  const std::string separator = print(i.budget(), b.get(0, ""));
  std::string out;
  bool first = true;
  for (const Value& item : elements(i.budget(), value)) {
    if (!std::exchange(first, false)) append_text(i.budget(), out, separator);
    append_text(i.budget(), out, print(i.budget(), get_path(i, item, b.get(1))));
  }
  return make_text(i.budget(), std::move(out));
}

inline Value filter_batch(Interpreter& i, const Value& value, const Bound& b) {
  const std::int64_t size = b.integer(0, 1);
  if (size < 1 || size > Budget::max_steps)
    i.budget().fail("batch: expected a size of 1 or more, got ", size);
  std::vector<Value> rows, row;
  for (Value& item : elements(i.budget(), value)) {
    row.push_back(std::move(item));
    if (static_cast<std::int64_t>(row.size()) == size)
      rows.push_back(make_list(i.budget(), std::exchange(row, {})));
  }
  if (!row.empty()) {
    if (!b.get(1).is_none()) row.resize(static_cast<std::size_t>(size), b.get(1));
    rows.push_back(make_list(i.budget(), std::move(row)));
  }
  return make_list(i.budget(), std::move(rows));
}

}  // namespace linnet::jinja::detail
