// text/jinja/functions.ipp - the global functions. Adding one: a row in the table.
#pragma once

#include <ctime>
#include <limits>
#include <string>

#include <linnet/text/jinja/builtin.hpp>

namespace linnet::jinja {
namespace detail {

inline Value make_range(Interpreter& interpreter, const Value&, const Bound& arguments) {
  Budget& budget = interpreter.budget();
  const std::int64_t first = arguments.integer(0, 0), second = arguments.integer(1, 0),
                     step = arguments.integer(2, 1);
  const std::int64_t start = arguments.find(1) ? first : 0, stop = arguments.find(1) ? second : first;
  if (step == 0) budget.fail("range: expected a step other than 0");
  // Unsigned, so that no distance overflows.
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const std::uint64_t distance = step > 0
                                     ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                     : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
  const std::uint64_t stride =
      step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  const std::uint64_t count = empty ? 0 : (distance - 1) / stride + 1;
  budget.charge(std::min<std::uint64_t>(count, Budget::max_steps + 1));
  std::vector<Value> items;
  for (std::uint64_t i = 0; i < count; ++i)
    items.emplace_back(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(step)));
  return List{std::move(items), false, 0};
}

/// The entries of a dictionary, if one is given, and of the named arguments.
inline Dict collect_entries(Interpreter& interpreter, const Bound& arguments) {
  Dict dict;
  Budget& budget = interpreter.budget();
  if (arguments.raw().positional.size() > 1) budget.fail("expected one dictionary, got more arguments");
  for (const Value& value : arguments.raw().positional) {
    if (!value.dict()) budget.fail("expected a dictionary, got ", type_name(value));
    budget.charge(value.dict()->items.size());
    dict = *value.dict();
  }
  for (const auto& [name, value] : arguments.raw().keyword) {
    budget.charge(1 + dict.items.size() / 8);
    dict.set(name, value);
  }
  return dict;
}

inline Value make_namespace(Interpreter& interpreter, const Value&, const Bound& arguments) {
  auto space = std::make_shared<Namespace>();
  for (const auto& [name, value] : collect_entries(interpreter, arguments).items) {
    if (!value.is_data()) fail_no_data(interpreter.budget(), "for a namespace", value);
    space->values.insert_or_assign(to_text(interpreter.budget(), name, "name in a namespace"), value);
  }
  return space;
}

inline std::tm local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm time{};
  localtime_r(&seconds, &time);
  return time;
}

inline std::string padded(int number, std::size_t width, char with = '0') {
  const std::string digits = concat(number);
  return std::string(width > digits.size() ? width - digits.size() : 0, with) + digits;
}

/// One conversion of strftime, in English whatever the locale.
inline std::string format_time(Budget& budget, char kind, const std::tm& time) {
  constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
  constexpr std::string_view days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
  const std::string_view month = months[std::clamp(time.tm_mon, 0, 11)],
                         day = days[std::clamp(time.tm_wday, 0, 6)];
  switch (kind) {
    case 'Y':
      return padded(time.tm_year + 1900, 4);
    case 'y':
      return padded((time.tm_year + 1900) % 100, 2);
    case 'm':
      return padded(time.tm_mon + 1, 2);
    case 'd':
      return padded(time.tm_mday, 2);
    case 'e':
      return padded(time.tm_mday, 2, ' ');
    case 'H':
      return padded(time.tm_hour, 2);
    case 'I':
      return padded((time.tm_hour + 11) % 12 + 1, 2);
    case 'M':
      return padded(time.tm_min, 2);
    case 'S':
      return padded(time.tm_sec, 2);
    case 'j':
      return padded(time.tm_yday + 1, 3);
    case 'p':
      return time.tm_hour < 12 ? "AM" : "PM";
    case 'B':
      return std::string(month);
    case 'b':
      return std::string(month.substr(0, 3));
    case 'A':
      return std::string(day);
    case 'a':
      return std::string(day.substr(0, 3));
    case '%':
      return "%";
    case 'F':
      return concat(format_time(budget, 'Y', time), '-', format_time(budget, 'm', time), '-',
                    format_time(budget, 'd', time));
    case 'T':
      return concat(format_time(budget, 'R', time), ':', format_time(budget, 'S', time));
    case 'R':
      return concat(format_time(budget, 'H', time), ':', format_time(budget, 'M', time));
    default:
      budget.fail(
          "strftime_now: expected one of %Y %y %m %d %e %F %H %I %M %S %R %T %j %p %B %b %A %a %%, or %- and "
          "a letter for a number without leading zeros");
  }
}

/// As format_time for %-d and the like: the number without what pads it.
inline std::string format_unpadded(Budget& budget, char kind, const std::tm& time) {
  if (std::string_view("mdeHIMSjy").find(kind) == std::string_view::npos)
    budget.fail("strftime_now: expected one of %-m %-d %-e %-H %-I %-M %-S %-j %-y");
  const std::string text = format_time(budget, kind, time);
  return text.substr(std::min(text.find_first_not_of("0 "), text.size() - 1));
}

inline Value tell_time(Interpreter& interpreter, const Value&, const Bound& arguments) {
  const std::tm time = interpreter.now() ? *interpreter.now() : local_time();
  const std::string& format = arguments.text(0);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    const auto next = [&] { return ++i < format.size() ? format[i] : '\0'; };
    const char kind = next();
    out += kind == '-' ? format_unpadded(interpreter.budget(), next(), time)
                       : format_time(interpreter.budget(), kind, time);
  }
  return make_text(interpreter.budget(), std::move(out));
}

/// The template refuses its messages, in its own words.
inline Value raise(Interpreter& interpreter, const Value&, const Bound& arguments) {
  fail(ErrorCode::invalid_argument, "chat template: ", print(interpreter.budget(), arguments.get(0)));
}

}  // namespace detail

LINNET_INLINE std::optional<Value> find_function(std::string_view name) {
  static const Builtin<Value> rows[] = {
      {"range", "start! stop step", detail::make_range},
      {"dict", "*",
       [](Interpreter& i, const Value&, const Bound& b) { return Value(detail::collect_entries(i, b)); }},
      {"namespace", "*", detail::make_namespace},
      {"raise_exception", "message!", detail::raise},
      {"strftime_now", "format!", detail::tell_time},
  };
  const auto* const row = find_builtin(std::span<const Builtin<Value>>(rows), name);
  if (!row) return std::nullopt;
  return Function{std::string(name), [row](Interpreter& interpreter, Arguments& arguments) {
                    return row->call(interpreter, None{},
                                     Bound(interpreter.budget(), row->name, row->parameters, arguments));
                  }};
}

}  // namespace linnet::jinja
