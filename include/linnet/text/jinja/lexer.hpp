// text/jinja/lexer.hpp - cuts a template into tokens, less the blanks that tags swallow. Never knows grammar.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>

namespace linnet::jinja {

enum class TokenKind {
  text,
  output_begin,
  output_end,
  tag_begin,
  tag_end,
  name,
  string,
  integer,
  real,
  sign,
  end
};

struct LexedToken {
  TokenKind kind;
  int line;
  std::string text;  // text, name and sign as written; a string without quotes and escapes
  std::int64_t integer = 0;
  double real = 0;
};

/// The tokens of a template, the last of which is `end`; {% raw %} has become text, comments are gone.
/// White space follows Jinja with trim_blocks and lstrip_blocks: the first line end after a tag and the
/// blanks that stand before one in its line are dropped, and the last line end of the source.
/// @throws Error(bad_model) with the line, and what was expected.
std::vector<LexedToken> tokenize_template(std::string_view source);

}  // namespace linnet::jinja

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/jinja/lexer.ipp>
#endif
