// cli/format.cpp - the bodies of format.hpp.
#include "format.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <linnet/base/error.hpp>

namespace linnet::cli {
namespace {

struct Unit {
  double size;
  std::string_view name;
};

/// Three significant digits of `value` in the largest unit that it reaches.
std::string in_units(double value, const Unit* begin, const Unit* end) {
  const Unit* unit = begin;
  while (unit + 1 != end && value < 0.9995 * unit->size)
    ++unit;  // what rounds to 1 of a unit is written in it
  const double scaled = value / unit->size;
  const int digits = unit->size == 1 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return concat(fixed(scaled, digits), unit->name);
}

}  // namespace

std::string fixed(double value, int digits) {
  std::array<char, 64> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value,
                    std::abs(value) < 1e15 ? std::chars_format::fixed : std::chars_format::general, digits)
          .ptr;
  return std::string(text.data(), end);
}

std::string scientific(double value, int digits) {
  std::array<char, 64> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, digits).ptr;
  return std::string(text.data(), end);
}

std::string counted(std::int64_t count, std::string_view what) {
  return concat(count, " ", what, count == 1 ? "" : "s");
}

std::string human_bytes(double bytes) {
  constexpr Unit units[] = {{1e12, " TB"}, {1e9, " GB"}, {1e6, " MB"}, {1e3, " kB"}, {1, " B"}};
  return in_units(bytes, std::begin(units), std::end(units));
}

std::string human_count(double count) {
  constexpr Unit units[] = {
      {1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}, {1e3, " thousand"}, {1, ""}};
  return in_units(count, std::begin(units), std::end(units));
}

std::string human_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds + 0.5);
  const auto two = [](std::int64_t n) { return concat(n < 10 ? "0" : "", n); };
  if (total < 60) return concat(total, " s");
  if (total < 3600) return concat(total / 60, ":", two(total % 60));
  return concat(total / 3600, ":", two(total / 60 % 60), ":", two(total % 60));
}

std::string left(std::string_view text, std::size_t width) {
  std::string cell(text);
  if (cell.size() < width) cell.append(width - cell.size(), ' ');
  return cell;
}

std::string right(std::string_view text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ').append(text) : std::string(text);
}

}  // namespace linnet::cli
