// text/jinja/print.ipp - values as text, as Python writes them: the second part of operations.hpp.
#pragma once

#include <charconv>
#include <cmath>

#include <linnet/text/jinja/operations.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {

LINNET_INLINE std::string print_real(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  const double size = std::abs(number);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, number,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string out(digits, end);
  if (fixed && out.find('.') == std::string::npos) out += ".0";
  return out;
}

namespace detail {

/// Appends repr(value). Nested at most max_depth deep, as every value.
inline void append_value(Budget& budget, std::string& out, const Value& value) {
  budget.charge(1);
  if (const auto* text = value.text()) {
    budget.charge_text(text->size() * 4);
    append_text(budget, out, quote(*text));
  } else if (const List* list = value.list()) {
    out += list->tuple ? '(' : '[';
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      if (i > 0) append_text(budget, out, ", ");
      append_value(budget, out, list->items[i]);
    }
    if (list->tuple && list->items.size() == 1) out += ',';
    out += list->tuple ? ')' : ']';
  } else if (const Dict* dict = value.dict()) {
    out += '{';
    for (std::size_t i = 0; i < dict->items.size(); ++i) {
      if (i > 0) append_text(budget, out, ", ");
      append_value(budget, out, dict->items[i].first);
      append_text(budget, out, ": ");
      append_value(budget, out, dict->items[i].second);
    }
    out += '}';
  } else if (value.is_undefined()) {
    append_text(budget, out, "Undefined");
  } else {
    append_text(budget, out, print(budget, value));
  }
}

}  // namespace detail

LINNET_INLINE std::string print(Budget& budget, const Value& value) {
  if (value.text()) {
    budget.charge_text(value.text()->size());
    return *value.text();
  }
  if (value.is_undefined()) return "";
  if (value.is_none()) return "None";
  if (value.is_bool()) return std::get<bool>(value.data()) ? "True" : "False";
  if (value.is_integer()) return concat(std::get<std::int64_t>(value.data()));
  if (value.is_float()) return print_real(std::get<double>(value.data()));
  if (!value.is_data()) fail_no_data(budget, "to print", value);
  return represent(budget, value);
}

LINNET_INLINE std::string represent(Budget& budget, const Value& value) {
  std::string out;
  detail::append_value(budget, out, value);
  budget.charge_text(out.size());
  return out;
}

LINNET_INLINE Value format_text(Budget& budget, std::string_view format, const std::vector<Value>& values) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    const char kind = ++at < format.size() ? format[at] : '\0';
    if (kind == '%') {
      out += '%';
      continue;
    }
    if (used == values.size()) budget.fail("expected a value for each % of a format, got ", values.size());
    const Value& value = values[used++];
    if (kind == 's')
      append_text(budget, out, print(budget, value));
    else if (kind == 'r')
      append_text(budget, out, represent(budget, value));
    else if ((kind == 'd' || kind == 'i') && value.is_float())
      out += concat(static_cast<std::int64_t>(std::clamp(std::get<double>(value.data()), -0x1p62, 0x1p62)));
    else if (kind == 'd' || kind == 'i')
      out += concat(to_integer(budget, value, "value of %d"));
    else
      budget.fail("expected one of %s %r %d %i %% in a format");
  }
  if (used != values.size()) budget.fail("expected ", used, " values for a format, got ", values.size());
  return make_text(budget, std::move(out));
}

}  // namespace linnet::jinja
