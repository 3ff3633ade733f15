// text/jinja/lexer.ipp - the body of lexer.hpp.
#pragma once

#include <algorithm>
#include <charconv>

#include <linnet/base/error.hpp>
#include <linnet/text/jinja/lexer.hpp>
#include <linnet/text/jinja/unicode_text.hpp>

namespace linnet::jinja {
namespace detail {

/// Line ends as "\n", and none at the very end.
inline std::string normalize_line_ends(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
inline bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_line_ends(source)) {}

  std::vector<LexedToken> run() {
    while (at_ < source_.size()) read_text_and_tag();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void stop(const Parts&... parts) const {
    fail(ErrorCode::bad_model, "chat template, line ", line_, ": ", parts...);
  }

  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool next_is(std::string_view text) const { return rest().starts_with(text); }

  void advance(std::size_t count) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + count), '\n'));
    at_ += count;
  }
  void skip_space() { advance(rest().size() - strip(rest(), "", true, false).size()); }

  void add(TokenKind kind, std::string_view text) { tokens_.push_back({kind, line_, std::string(text)}); }

  /// Adds the text before a tag, less what the tag swallows of it.
  void add_text(std::string_view text, char sign, bool is_output) {
    if (sign == '-') {
      text = strip(text, "", false, true);
    } else if (sign != '+' && !is_output) {
      const std::size_t line_start = text.rfind('\n') + 1;  // 0 where there is none
      const bool at_line_start = line_start > 0 || begins_line_;
      if (at_line_start && strip(text.substr(line_start), "", true, false).empty())
        text = text.substr(0, line_start);
    }
    if (!text.empty()) add(TokenKind::text, text);
  }

  void read_text_and_tag() {
    std::size_t begin = at_;
    do begin = source_.find('{', begin);
    while (begin != std::string::npos && ++begin < source_.size() &&
           std::string_view("{%#").find(source_[begin]) == std::string_view::npos);
    if (begin == std::string::npos || begin >= source_.size()) {
      add(TokenKind::text, rest());
      return advance(rest().size());
    }
    const std::string text = source_.substr(at_, begin - 1 - at_);
    const char kind = source_[begin];
    advance(begin + 1 - at_);
    const char sign = next_is("-") || next_is("+") ? source_[at_] : '\0';
    add_text(text, sign, kind == '{');
    if (sign != '\0') advance(1);
    if (kind == '#') return skip_comment();
    if (kind == '%' && skip_raw_tag()) return read_raw();
    add(kind == '{' ? TokenKind::output_begin : TokenKind::tag_begin, "");
    read_tag(kind == '{' ? "}}" : "%}");
    tokens_.back().kind = kind == '{' ? TokenKind::output_end : TokenKind::tag_end;
  }

  /// Passes the end of a tag and the white space that it swallows, if it is here.
  bool skip_end(std::string_view end) {
    const char sign = next_is("-") || next_is("+") ? source_[at_] : '\0';
    if (!rest().substr(sign != '\0' ? 1 : 0).starts_with(end)) return false;
    if (sign == '+' && end == "}}") return false;
    const std::size_t before = at_;
    advance(end.size() + (sign != '\0' ? 1 : 0));
    if (sign == '-')
      skip_space();
    else if (sign == '\0' && end != "}}" && next_is("\n"))
      advance(1);
    begins_line_ = at_ > before && source_[at_ - 1] == '\n';
    return true;
  }

  void skip_comment() {
    while (at_ < source_.size()) {
      if (skip_end("#}")) return;
      advance(1);
    }
    stop("expected \"#}\" at the end of a comment, found the end of the template");
  }

  /// Whether a whole `word %}` is here, which is passed then.
  bool skip_word_tag(std::string_view word) {
    const std::size_t at = at_;
    const int line = line_;
    skip_space();
    if (next_is(word)) {
      advance(word.size());
      skip_space();
      if (next_is("-%}") || next_is("+%}") || next_is("%}")) return true;
    }
    at_ = at;
    line_ = line;
    return false;
  }

  bool skip_raw_tag() {
    if (!skip_word_tag("raw")) return false;
    // Unlike other tags it leaves the line end after it.
    const bool strips = next_is("-");
    advance(next_is("%}") ? 2 : 3);
    if (strips) skip_space();
    begins_line_ = source_[at_ - 1] == '\n';
    return true;
  }

  void read_raw() {
    const std::size_t begin = at_;
    for (; at_ < source_.size(); advance(1)) {
      if (!next_is("{%")) continue;
      const std::size_t end = at_;
      advance(2);
      const char sign = next_is("-") || next_is("+") ? source_[at_] : '\0';
      if (sign != '\0') advance(1);
      if (skip_word_tag("endraw")) {
        add_text(source_.substr(begin, end - begin), sign, false);
        skip_end("%}");
        return;
      }
      line_ -= static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(end),
                                           source_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
      at_ = end;
    }
    stop("expected {% endraw %}, found the end of the template");
  }

  void read_tag(std::string_view end) {
    std::string open;  // brackets that wait for their partners; within them }} is no end
    for (;;) {
      skip_space();
      if (at_ >= source_.size()) stop("expected \"", end, "\", found the end of the template");
      const int line = line_;
      if (open.empty() && skip_end(end)) {
        tokens_.push_back({TokenKind::tag_end, line, ""});
        return;
      }
      const char c = source_[at_];
      if (is_ascii_digit(c))
        read_number();
      else if (begins_name(c))
        read_name();
      else if (c == '"' || c == '\'')
        read_string(c);
      else
        read_sign(open);
    }
  }

  void read_name() {
    std::size_t length = 1;
    while (length < rest().size() && (begins_name(rest()[length]) || is_ascii_digit(rest()[length])))
      ++length;
    add(TokenKind::name, rest().substr(0, length));
    advance(length);
  }

  std::size_t count_digits(std::size_t from) const {
    std::size_t count = 0;
    while (from + count < rest().size() &&
           (is_ascii_digit(rest()[from + count]) || rest()[from + count] == '_'))
      ++count;
    return count;
  }

  void read_number() {
    constexpr std::string_view prefixes[] = {"0x", "0o", "0b"};
    constexpr int bases[] = {16, 8, 2};
    int base = 10;
    for (int i = 0; i < 3; ++i)
      if (next_is(prefixes[i])) base = bases[i];
    std::size_t length = count_digits(0);
    bool real = false;
    if (base != 10) {
      length = std::min(rest().find_first_not_of("0123456789abcdefABCDEF_", 2), rest().size());
    } else if (!tokens_.back().text.ends_with('.')) {  // not in a.0.1
      const auto digit_at = [&](std::size_t i) { return i < rest().size() && is_ascii_digit(rest()[i]); };
      if (length < rest().size() && rest()[length] == '.' && digit_at(length + 1)) {
        length += 1 + count_digits(length + 1);
        real = true;
      }
      if (length < rest().size() && (rest()[length] | 0x20) == 'e') {
        const std::size_t sign =
            length + 1 < rest().size() && (rest()[length + 1] == '+' || rest()[length + 1] == '-');
        if (digit_at(length + 1 + sign)) {
          length += 1 + sign + count_digits(length + 1 + sign);
          real = true;
        }
      }
    }
    std::string digits(rest().substr(base == 10 ? 0 : 2, length - (base == 10 ? 0 : 2)));
    std::erase(digits, '_');
    add(real ? TokenKind::real : TokenKind::integer, rest().substr(0, length));
    const char *const first = digits.data(), *const last = first + digits.size();
    const auto result = real ? std::from_chars(first, last, tokens_.back().real)
                             : std::from_chars(first, last, tokens_.back().integer, base);
    if (result.ec != std::errc() || result.ptr != last) stop("expected a number of 64 bits, found ", digits);
    advance(length);
  }

  void read_string(char quote) {
    const int line = line_;
    std::string text;
    std::size_t i = 1;
    for (; i < rest().size() && rest()[i] != quote; ++i) {
      if (rest()[i] == '\\' && i + 1 < rest().size())
        i += read_escape(rest().substr(i), text) - 1;
      else
        text += rest()[i];
    }
    if (i >= rest().size())
      stop("expected ", quote, " at the end of a string, found the end of the template");
    advance(i + 1);
    tokens_.push_back({TokenKind::string, line, std::move(text)});
  }

  /// Appends what an escape stands for, as in Python; returns its length. @pre two characters or more
  std::size_t read_escape(std::string_view escape, std::string& out) const {
    constexpr std::string_view letters = "\\'\"abfnrtv", plain = "\\'\"\a\b\f\n\r\t\v";
    const char c = escape[1];
    if (c == '\n') return 2;
    if (const std::size_t known = letters.find(c); known != std::string_view::npos) {
      out += plain[known];
      return 2;
    }
    const std::size_t hex = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const bool octal = c >= '0' && c <= '7';
    std::size_t digits = hex;
    if (octal)
      digits = std::min(std::min(escape.find_first_not_of("01234567", 1), escape.size()) - 1, std::size_t{3});
    if (digits == 0) {
      out += '\\';  // an escape that Python does not know stands for itself
      return 1;
    }
    const char* const first = escape.data() + (octal ? 1 : 2);
    std::uint32_t value = 0;
    const bool whole = static_cast<std::size_t>(escape.data() + escape.size() - first) >= digits;
    if (!whole || std::from_chars(first, first + digits, value, octal ? 8 : 16).ptr != first + digits ||
        value > 0x10ffff)
      stop("expected ", digits, " hex digits of a character after \\", c);
    append_utf8(out, value >= 0xd800 && value <= 0xdfff ? 0xfffd : value);
    return digits + (octal ? 1 : 2);
  }

  void read_sign(std::string& open) {
    constexpr std::string_view doubles[] = {"//", "**", "==", "!=", ">=", "<="};
    for (const std::string_view sign : doubles) {
      if (!next_is(sign)) continue;
      add(TokenKind::sign, sign);
      return advance(2);
    }
    const char c = source_[at_];
    if (std::string_view("+-/*%~[](){}><=.:|,").find(c) == std::string_view::npos)
      stop("found \"", c, "\", which no expression has");
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) stop("found \"", c, "\" without its opening bracket");
      open.pop_back();
    }
    add(TokenKind::sign, rest().substr(0, 1));
    advance(1);
  }

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool begins_line_ = true;  // a line begins where the last tag ended
  std::vector<LexedToken> tokens_;
};

}  // namespace detail

LINNET_INLINE std::vector<LexedToken> tokenize_template(std::string_view source) {
  return detail::Lexer(source).run();
}

}  // namespace linnet::jinja
