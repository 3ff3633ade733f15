// text/jinja/methods.ipp - the methods of texts, lists, dictionaries and loops; none changes its object.
#pragma once

#include <string>

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {
namespace detail {

template <bool left, bool right>
Value text_strip(Interpreter& i, const Value& self, const Bound& b) {
  // An empty set of characters strips nothing, unlike none at all.
  if (b.find(0) && b.find(0)->text() && b.find(0)->text()->empty()) return self;
  return make_text(i.budget(), std::string(strip(*self.text(), b.text(0, ""), left, right)));
}

template <bool from_right>
Value text_split(Interpreter& i, const Value& self, const Bound& b) {
  const std::string& text = *self.text();
  const std::int64_t count = b.integer(1, -1);
  i.budget().charge(text.size() / 8);
  if (b.get(0).is_none()) return list_of(i.budget(), split_at_spaces(text, count, from_right));
  if (b.text(0).empty()) i.budget().fail("split: expected a separator that is not empty");
  return list_of(i.budget(), split(text, b.text(0), count, from_right));
}

inline Value text_splitlines(Interpreter& i, const Value& self, const Bound& b) {
  i.budget().charge(self.text()->size() / 8);
  return list_of(i.budget(), split_lines(*self.text(), b.flag(0)));
}

template <bool at_start>
Value text_has_affix(Interpreter& i, const Value& self, const Bound& b) {
  const Value affixes = b.get(0);
  const auto has = [&](const Value& affix) {
    const std::string& part = to_text(i.budget(), affix, "startswith or endswith");
    return at_start ? self.text()->starts_with(part) : self.text()->ends_with(part);
  };
  if (!affixes.list()) return has(affixes);
  i.budget().charge(affixes.list()->items.size());
  return std::any_of(affixes.list()->items.begin(), affixes.list()->items.end(), has);
}

template <bool at_start>
Value text_remove_affix(Interpreter& i, const Value& self, const Bound& b) {
  std::string_view text = *self.text();
  const std::string& part = b.text(0);
  if (at_start && text.starts_with(part)) text.remove_prefix(part.size());
  if (!at_start && text.ends_with(part)) text.remove_suffix(part.size());
  return make_text(i.budget(), std::string(text));
}

inline Value text_replace(Interpreter& i, const Value& self, const Bound& b) {
  return make_text(i.budget(),
                   replace(*self.text(), b.text(0), b.text(1), b.integer(2, -1), Budget::max_text));
}

template <Case to>
Value text_case(Interpreter& i, const Value& self, const Bound&) {
  i.budget().charge(self.text()->size() / 16);
  return make_text(i.budget(), change_case(*self.text(), to));
}

/// The index in code points, or -1.
template <bool from_right, bool must_be_there>
Value text_find(Interpreter& i, const Value& self, const Bound& b) {
  i.budget().charge_text(self.text()->size());
  const std::size_t found = from_right ? self.text()->rfind(b.text(0)) : self.text()->find(b.text(0));
  if (found == std::string::npos && must_be_there) i.budget().fail("index: expected a part of the text");
  if (found == std::string::npos) return -1;
  return static_cast<std::int64_t>(length_of(std::string_view(*self.text()).substr(0, found)));
}

inline Value text_count(Interpreter& i, const Value& self, const Bound& b) {
  i.budget().charge(self.text()->size() / 8);
  if (b.text(0).empty()) return static_cast<std::int64_t>(length_of(*self.text())) + 1;
  return static_cast<std::int64_t>(split(*self.text(), b.text(0), -1, false).size()) - 1;
}

inline Value text_join(Interpreter& i, const Value& self, const Bound& b) {
  std::string out;
  bool first = true;
  for (const Value& item : elements(i.budget(), b.get(0))) {
    if (!std::exchange(first, false)) append_text(i.budget(), out, *self.text());
    append_text(i.budget(), out, to_text(i.budget(), item, "join"));
  }
  return make_text(i.budget(), std::move(out));
}

template <bool from_right>
Value text_partition(Interpreter& i, const Value& self, const Bound& b) {
  if (b.text(0).empty()) i.budget().fail("partition: expected a separator that is not empty");
  const auto parts = split(*self.text(), b.text(0), 1, from_right);
  const bool found = parts.size() == 2;
  const Value left(found || !from_right ? parts[0] : std::string_view());
  const Value right(found || from_right ? parts.back() : std::string_view());
  i.budget().charge_text(self.text()->size());
  return make_list(i.budget(), {left, found ? b.get(0) : Value(""), right}, true);
}

inline bool is_alphanumeric(char32_t c) { return is_alpha(c) || is_digit(c); }

template <auto holds>
Value text_all(Interpreter& i, const Value& self, const Bound&) {
  i.budget().charge_text(self.text()->size());
  return all_of(*self.text(), [](char32_t c) { return holds(c); });
}

template <Case asked>
Value text_is_case(Interpreter& i, const Value& self, const Bound&) {
  i.budget().charge_text(self.text()->size());
  return is_case(*self.text(), asked);
}

inline Value list_count(Interpreter& i, const Value& self, const Bound& b) {
  std::int64_t count = 0;
  for (const Value& item : self.list()->items) count += equal(i.budget(), item, b.get(0));
  return count;
}

inline Value list_index(Interpreter& i, const Value& self, const Bound& b) {
  const auto& items = self.list()->items;
  const auto same = [&](const Value& item) { return equal(i.budget(), item, b.get(0)); };
  const auto found = std::find_if(items.begin(), items.end(), same);
  if (found == items.end()) i.budget().fail("index: expected an element of the list");
  return static_cast<std::int64_t>(found - items.begin());
}

inline Value dict_get(Interpreter& i, const Value& self, const Bound& b) {
  i.budget().charge(self.dict()->items.size() / 8);
  const Value* const found = self.dict()->find(b.get(0));
  return found ? *found : b.get(1);
}

inline Value dict_items(Interpreter& i, const Value& self, const Bound&) {
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict()->items)
    items.push_back(make_list(i.budget(), {key, value}, true));
  return make_list(i.budget(), std::move(items));
}

inline Value dict_keys(Interpreter& i, const Value& self, const Bound&) {
  return make_list(i.budget(), elements(i.budget(), self));
}

inline Value dict_values(Interpreter& i, const Value& self, const Bound&) {
  std::vector<Value> items;
  for (const auto& entry : self.dict()->items) items.push_back(entry.second);
  return make_list(i.budget(), std::move(items));
}

inline Value loop_cycle(Interpreter& i, const Value& self, const Bound& b) {
  const auto& values = b.raw().positional;
  if (values.empty()) i.budget().fail("loop.cycle: expected values");
  return values[self.loop()->index % values.size()];
}

inline Value loop_changed(Interpreter& i, const Value& self, const Bound& b) {
  Loop& loop = *self.loop();
  std::vector<Value>& now = b.raw().positional;
  // A loop would keep itself alive if it could remember itself.
  for (const Value& value : now)
    if (!value.is_data()) fail_no_data(i.budget(), "for loop.changed", value);
  const auto same = [&](const Value& x, const Value& y) { return equal(i.budget(), x, y); };
  const bool unchanged =
      loop.has_seen && std::equal(now.begin(), now.end(), loop.seen.begin(), loop.seen.end(), same);
  loop.seen = now;
  loop.has_seen = true;
  return !unchanged;
}

inline std::span<const Builtin<Value>> text_methods() {
  static const Builtin<Value> rows[] = {
      {"strip", "chars", text_strip<true, true>},
      {"lstrip", "chars", text_strip<true, false>},
      {"rstrip", "chars", text_strip<false, true>},
      {"split", "sep maxsplit", text_split<false>},
      {"rsplit", "sep maxsplit", text_split<true>},
      {"splitlines", "keepends", text_splitlines},
      {"partition", "sep!", text_partition<false>},
      {"rpartition", "sep!", text_partition<true>},
      {"startswith", "prefix!", text_has_affix<true>},
      {"endswith", "suffix!", text_has_affix<false>},
      {"removeprefix", "prefix!", text_remove_affix<true>},
      {"removesuffix", "suffix!", text_remove_affix<false>},
      {"replace", "old! new! count", text_replace},
      {"upper", "", text_case<Case::upper>},
      {"lower", "", text_case<Case::lower>},
      {"title", "", text_case<Case::title>},
      {"capitalize", "", text_case<Case::capitalize>},
      {"find", "sub!", text_find<false, false>},
      {"rfind", "sub!", text_find<true, false>},
      {"index", "sub!", text_find<false, true>},
      {"count", "sub!", text_count},
      {"join", "iterable!", text_join},
      {"isdigit", "", text_all<is_digit>},
      {"isdecimal", "", text_all<is_digit>},
      {"isnumeric", "", text_all<is_digit>},
      {"isalpha", "", text_all<is_alpha>},
      {"isalnum", "", text_all<is_alphanumeric>},
      {"isspace", "", text_all<is_space>},
      {"isupper", "", text_is_case<Case::upper>},
      {"islower", "", text_is_case<Case::lower>},
  };
  return rows;
}

inline std::span<const Builtin<Value>> list_methods() {
  static const Builtin<Value> rows[] = {{"count", "value!", list_count}, {"index", "value!", list_index}};
  return rows;
}

inline std::span<const Builtin<Value>> dict_methods() {
  static const Builtin<Value> rows[] = {
      {"get", "key! default", dict_get},
      {"items", "", dict_items},
      {"keys", "", dict_keys},
      {"values", "", dict_values},
      {"copy", "", [](Interpreter&, const Value& self, const Bound&) { return self; }},
  };
  return rows;
}

inline std::span<const Builtin<Value>> loop_methods() {
  static const Builtin<Value> rows[] = {{"cycle", "*", loop_cycle}, {"changed", "*", loop_changed}};
  return rows;
}

}  // namespace detail

LINNET_INLINE std::optional<Value> find_method(const Value& value, std::string_view name) {
  std::span<const Builtin<Value>> table;
  if (value.text()) table = detail::text_methods();
  if (value.list()) table = detail::list_methods();
  if (value.dict()) table = detail::dict_methods();
  if (value.loop()) table = detail::loop_methods();
  const auto* const row = find_builtin(table, name);
  if (!row) return std::nullopt;
  return Function{std::string(name),
                  [row, value](Interpreter& interpreter, Arguments& arguments) {
                    return row->call(interpreter, value,
                                     Bound(interpreter.budget(), row->name, row->parameters, arguments));
                  },
                  value.depth()};
}

}  // namespace linnet::jinja
