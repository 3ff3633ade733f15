// text/jinja/json.ipp - values to JSON and back: the third part of operations.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include <linnet/text/jinja/operations.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {
namespace detail {

inline void append_unicode_escape(std::string& out, char32_t c) {
  char escape[16];
  if (c >= 0x10000) {
    append_unicode_escape(out, 0xd800 + ((c - 0x10000) >> 10));
    c = 0xdc00 + ((c - 0x10000) & 0x3ff);
  }
  std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
  out += escape;
}

inline std::string json_text(std::string_view text, bool ascii) {
  constexpr std::string_view plain = "\"\\\n\r\t\b\f", letters = "\"\\nrtbf";
  std::string out = "\"";
  for_each_character(text, [&](std::string_view character, const CodePoint& point) {
    const std::size_t known = character.size() == 1 ? plain.find(character[0]) : std::string_view::npos;
    if (known != std::string_view::npos)
      (out += '\\') += letters[known];
    else if (point.value < 0x20 || (ascii && point.value >= 0x7f))
      append_unicode_escape(out, point.value);
    else
      out += character;
  });
  return out + '"';
}

/// Writes values; nested at most max_depth deep, as every value.
class JsonWriter {
 public:
  JsonWriter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style) {}

  std::string finish() {
    budget_.charge_text(out_.size());
    return std::move(out_);
  }

  void write(const Value& value) {
    budget_.charge(1);
    if (value.text()) {
      write_text(*value.text());
    } else if (const List* list = value.list()) {
      begin('[');
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        separate(i == 0);
        write(list->items[i]);
      }
      end(']', list->items.empty());
    } else if (value.dict()) {
      write_dict(*value.dict());
    } else {
      append_text(budget_, out_, scalar(value));
    }
  }

 private:
  void write_text(std::string_view text) {
    budget_.charge_text(text.size() * 4);
    append_text(budget_, out_, json_text(text, style_.ascii));
  }

  std::string scalar(const Value& value) const {
    if (value.is_none()) return "null";
    if (value.is_bool()) return std::get<bool>(value.data()) ? "true" : "false";
    if (value.is_integer()) return concat(std::get<std::int64_t>(value.data()));
    if (!value.is_float()) budget_.fail("expected data for JSON, got ", type_name(value));
    const double number = std::get<double>(value.data());
    if (std::isnan(number)) return "NaN";
    if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
    return print_real(number);
  }

  void write_dict(const Dict& dict) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.items) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const auto* a, const auto* b) { return less(budget_, a->first, b->first); });
    begin('{');
    for (std::size_t i = 0; i < entries.size(); ++i) {
      separate(i == 0);
      const Value& key = entries[i]->first;
      write_text(key.text() ? *key.text() : scalar(key));
      append_text(budget_, out_, style_.key_separator);
      write(entries[i]->second);
    }
    end('}', entries.empty());
  }

  void begin(char bracket) {
    out_ += bracket;
    ++level_;
  }
  void separate(bool first) {
    if (!first) append_text(budget_, out_, style_.item_separator);
    break_line();
  }
  void end(char bracket, bool empty) {
    --level_;
    if (!empty) break_line();
    out_ += bracket;
  }
  void break_line() {
    if (!style_.indent) return;
    out_ += '\n';
    for (int i = 0; i < level_; ++i) append_text(budget_, out_, *style_.indent);
  }

  Budget& budget_;
  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

/// Reads one JSON text. Source of the grammar: RFC 8259.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Value read_all() {
    Value value = read(0);
    skip_space();
    if (at_ != text_.size()) stop("the end");
    return value;
  }

 private:
  [[noreturn]] void stop(std::string_view expected) const {
    linnet::fail(ErrorCode::invalid_argument, "JSON, byte ", at_, ": expected ", expected);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool skip(std::string_view word) {
    skip_space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value read(int depth) {
    if (depth >= max_depth) stop(concat("a nesting of less than ", max_depth));
    if (skip("null")) return None{};
    if (skip("true")) return true;
    if (skip("false")) return false;
    if (skip("[")) return read_list(depth);
    if (skip("{")) return read_dict(depth);
    return peek() == '"' ? Value(read_text()) : read_number();
  }

  Value read_list(int depth) {
    List list;
    if (skip("]")) return list;
    do list.items.push_back(read(depth + 1));
    while (skip(","));
    if (!skip("]")) stop("\",\" or \"]\"");
    return list;
  }

  Value read_dict(int depth) {
    Dict dict;
    std::map<std::string, std::size_t> places;  // a key that comes again replaces the first
    if (skip("}")) return dict;
    do {
      skip_space();
      if (peek() != '"') stop("a key in quotes");
      std::string key = read_text();
      if (!skip(":")) stop("\":\"");
      const auto [place, added] = places.try_emplace(key, dict.items.size());
      if (added) dict.items.emplace_back(std::move(key), None{});
      dict.items[place->second].second = read(depth + 1);
    } while (skip(","));
    if (!skip("}")) stop("\",\" or \"}\"");
    return dict;
  }

  std::size_t skip_digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    if (at_ == begin) stop("a digit");
    return at_ - begin;
  }

  Value read_number() {
    if (peek() != '-' && (peek() < '0' || peek() > '9')) stop("a JSON value");
    const std::size_t begin = at_;
    if (peek() == '-') ++at_;
    const bool begins_with_zero = peek() == '0';
    if (skip_digits() > 1 && begins_with_zero) stop("a number without leading zeros");
    const std::size_t integer_end = at_;
    if (peek() == '.') ++at_, skip_digits();
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      skip_digits();
    }
    const char *const first = text_.data() + begin, *const last = text_.data() + at_;
    std::int64_t integer = 0;
    if (integer_end == at_ && std::from_chars(first, last, integer).ec == std::errc()) return integer;
    double real = 0;
    if (std::from_chars(first, last, real).ec != std::errc()) stop("a number of 64 bits");
    return real;
  }

  std::uint32_t read_hex() {
    std::uint32_t value = 0;
    const char* const begin = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4)
      stop("four hex digits");
    at_ += 4;
    return value;
  }

  std::string read_text() {
    constexpr std::string_view letters = "\"\\/nrtbf", plain = "\"\\/\n\r\t\b\f";
    std::string out;
    for (++at_; peek() != '"';) {
      if (at_ >= text_.size() || static_cast<unsigned char>(peek()) < 0x20) stop("a closing quote");
      if (peek() != '\\') {
        out += text_[at_++];
        continue;
      }
      ++at_;
      const std::size_t known = letters.find(peek());
      if (at_ < text_.size() && known != std::string_view::npos) {
        out += plain[known];
        ++at_;
      } else if (skip_letter_u()) {
        append_utf8(out, read_code_unit());
      } else {
        stop("an escape that JSON has");
      }
    }
    ++at_;
    return out;
  }

  bool skip_letter_u() {
    if (peek() != 'u') return false;
    ++at_;
    return true;
  }

  /// One or, of a surrogate pair, two code units; U+FFFD for half a pair.
  char32_t read_code_unit() {
    const std::uint32_t high = read_hex();
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || text_.substr(at_, 2) != "\\u") return 0xfffd;
    const std::size_t before = at_;
    at_ += 2;
    const std::uint32_t low = read_hex();
    if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    at_ = before;
    return 0xfffd;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace detail

LINNET_INLINE std::string to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  detail::JsonWriter writer(budget, style);
  writer.write(value);
  return writer.finish();
}

LINNET_INLINE Value parse_json(std::string_view text) { return detail::JsonReader(text).read_all(); }

}  // namespace linnet::jinja
