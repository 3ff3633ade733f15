// text/jinja/text_filters.hpp - the filters of texts, numbers and any value. Never named outside filters.ipp.
#pragma once

#include <charconv>
#include <cmath>
#include <string>

#include <linnet/text/jinja/builtin.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja::detail {

// ---- texts

/// As Jinja does it, which is not as str.title() does: words begin after white space and - ( { [ <.
inline std::string title_words(std::string_view text) {
  std::string out;
  std::size_t begin = 0;
  const auto flush = [&](std::size_t end) {
    const std::string_view word = text.substr(begin, end - begin);
    const std::size_t first = offset_of(word, 1);
    out += change_case(word.substr(0, first), Case::upper) + change_case(word.substr(first), Case::lower);
  };
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = read_code_point(text, at);
    const bool splits =
        point.valid &&
        (is_space(point.value) || (point.value < 0x80 && std::string_view("-({[<").find(static_cast<char>(
                                                             point.value)) != std::string_view::npos));
    if (splits) {
      flush(at);
      out += text.substr(at, point.length);
      begin = at + point.length;
    }
    at += point.length;
  }
  flush(text.size());
  return out;
}

inline Value filter_indent(Interpreter& i, const Value& value, const Bound& b) {
  const Value width = b.get(0, 4);
  const Value indent = width.text() ? width : calculate(i.budget(), Operator::multiply, " ", width);
  const std::string text = print(i.budget(), value) + "\n";
  i.budget().charge(text.size() / 8);
  std::string out;
  bool first = true;
  for (const std::string_view line : split_lines(text, false)) {
    const bool indents = first ? b.flag(1) : b.flag(2) || !line.empty();
    if (!first) out += '\n';
    if (indents) append_text(i.budget(), out, *indent.text());
    append_text(i.budget(), out, line);
    first = false;
  }
  return make_text(i.budget(), std::move(out));
}

inline Value filter_escape(Interpreter& i, const Value& value, const Bound&) {
  std::string out;
  for (const char c : print(i.budget(), value)) {
    const std::size_t which = std::string_view("&<>'\"").find(c);
    constexpr std::string_view names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    if (which != std::string_view::npos)
      out += names[which];
    else
      out += c;
  }
  return make_text(i.budget(), std::move(out));
}

inline Value filter_tojson(Interpreter& i, const Value& value, const Bound& b) {
  JsonStyle style;
  style.ascii = b.flag(0);
  if (const Value indent = b.get(1); !indent.is_none()) {
    style.indent =
        indent.text() ? *indent.text() : *calculate(i.budget(), Operator::multiply, " ", indent).text();
    style.item_separator = ",";
  }
  if (const Value separators = b.get(2); !separators.is_none()) {
    style.item_separator = to_text(i.budget(), item(i.budget(), separators, 0), "separators");
    style.key_separator = to_text(i.budget(), item(i.budget(), separators, 1), "separators");
  }
  style.sort_keys = b.flag(3);
  return make_text(i.budget(), to_json(i.budget(), value, style));
}

// ---- numbers

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  text = strip(text, "", true, true);
  std::string digits(text);
  std::erase(digits, '_');
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.erase(0, 1);
  Number number{};
  const char* const end = digits.data() + digits.size();
  std::from_chars_result result{};
  if constexpr (std::is_same_v<Number, double>)
    result = std::from_chars(digits.data(), end, number);
  else
    result = std::from_chars(digits.data(), end, number, base);
  if (result.ec != std::errc() || result.ptr != end || digits.empty()) return std::nullopt;
  return number;
}

inline Value filter_int(Interpreter& i, const Value& value, const Bound& b) {
  if (value.is_undefined()) to_integer(i.budget(), value, "int");
  if (const auto integer = integer_of(value)) return *integer;
  std::optional<double> real = real_of(value);
  if (value.text()) {
    const std::int64_t base = b.integer(1, 10);
    if (base < 2 || base > 36) i.budget().fail("int: expected a base of 2 to 36, got ", base);
    if (const auto integer = parse_number<std::int64_t>(*value.text(), static_cast<int>(base)))
      return *integer;
    real = parse_number<double>(*value.text());
  }
  if (!real || !std::isfinite(*real)) return b.get(0, 0);
  if (std::abs(*real) >= 0x1p63) fail_overflow(i.budget());
  return static_cast<std::int64_t>(*real);
}

inline Value filter_float(Interpreter& i, const Value& value, const Bound& b) {
  if (value.is_undefined()) to_integer(i.budget(), value, "float");
  if (const auto real = real_of(value)) return *real;
  const auto parsed = value.text() ? parse_number<double>(*value.text()) : std::nullopt;
  return parsed ? Value(*parsed) : b.get(0, 0.0);
}

inline Value filter_abs(Interpreter& i, const Value& value, const Bound&) {
  if (!value.is_number()) i.budget().fail("abs: expected a number, got ", type_name(value));
  if (value.is_float()) return std::abs(*real_of(value));
  return *integer_of(value) < 0 ? negate(i.budget(), value) : Value(*integer_of(value));
}

inline Value filter_round(Interpreter& i, const Value& value, const Bound& b) {
  const auto number = real_of(value);
  const std::int64_t precision = b.integer(0, 0);
  const std::string_view method = b.text(1, "common");
  if (!number) i.budget().fail("round: expected a number, got ", type_name(value));
  if (precision < -15 || precision > 15)
    i.budget().fail("round: expected a precision of -15 to 15, got ", precision);
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "floor") return std::floor(*number * scale) / scale;
  if (method == "ceil") return std::ceil(*number * scale) / scale;
  if (method != "common") i.budget().fail("round: expected common, ceil or floor, got ", method);
  if (integer_of(value) && precision >= 0) return *integer_of(value);
  if (precision < 0) return std::nearbyint(*number * scale) / scale;
  if (!std::isfinite(*number) || std::abs(*number) > 1e15) return *number;
  // The decimal form of so many digits is correctly rounded, which the product with a power of ten is not.
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, *number, std::chars_format::fixed,
                                 static_cast<int>(precision))
                       .ptr;
  double rounded = 0;
  std::from_chars(digits, end, rounded);
  return rounded;
}

// ---- others

inline Value filter_default(Interpreter&, const Value& value, const Bound& b) {
  const bool missing = value.is_undefined() || (b.flag(1) && !is_true(value));
  return missing ? b.get(0, "") : value;
}

inline Value filter_format(Interpreter& i, const Value& value, const Bound& b) {
  return format_text(i.budget(), print(i.budget(), value), b.raw().positional);
}

/// A filter that makes a text of a text.
template <std::string (*change)(std::string_view)>
Value filter_text(Interpreter& i, const Value& value, const Bound&) {
  const std::string text = print(i.budget(), value);
  i.budget().charge(text.size() / 16);
  return make_text(i.budget(), change(text));
}
inline std::string to_upper(std::string_view text) { return change_case(text, Case::upper); }
inline std::string to_lower(std::string_view text) { return change_case(text, Case::lower); }
inline std::string to_capital(std::string_view text) { return change_case(text, Case::capitalize); }
inline std::string unchanged(std::string_view text) { return std::string(text); }

inline Value filter_length(Interpreter& i, const Value& value, const Bound&) {
  return static_cast<std::int64_t>(length(i.budget(), value));
}
inline Value filter_list(Interpreter& i, const Value& value, const Bound&) {
  return make_list(i.budget(), elements(i.budget(), value));
}
inline Value filter_trim(Interpreter& i, const Value& value, const Bound& b) {
  return make_text(i.budget(), std::string(strip(print(i.budget(), value), b.text(0, ""), true, true)));
}
inline Value filter_replace(Interpreter& i, const Value& value, const Bound& b) {
  Budget& budget = i.budget();
  return make_text(budget, replace(print(budget, value), print(budget, b.get(0)), print(budget, b.get(1)),
                                   b.integer(2, -1), Budget::max_text));
}
inline Value filter_wordcount(Interpreter& i, const Value& value, const Bound&) {
  const std::string text = print(i.budget(), value);
  i.budget().charge(text.size() / 8);
  return static_cast<std::int64_t>(split_at_spaces(text, -1, false).size());
}

}  // namespace linnet::jinja::detail
