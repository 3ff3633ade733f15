// text/jinja/expression_parser.hpp - reads expressions, a function per precedence. Never a statement.
#pragma once

#include <algorithm>
#include <initializer_list>

#include <linnet/text/jinja/ast.hpp>
#include <linnet/text/jinja/lexer.hpp>

namespace linnet::jinja::detail {

class ExpressionParser {
 protected:
  explicit ExpressionParser(std::string_view source) : tokens_(tokenize_template(source)) {}

  // ---- tokens

  const LexedToken& now() const { return tokens_[at_]; }
  const LexedToken& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const LexedToken& take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }

  static std::string describe(const LexedToken& token) {
    switch (token.kind) {
      case TokenKind::text:
        return "text";
      case TokenKind::output_begin:
        return "\"{{\"";
      case TokenKind::output_end:
        return "\"}}\"";
      case TokenKind::tag_begin:
        return "\"{%\"";
      case TokenKind::tag_end:
        return "\"%}\"";
      case TokenKind::string:
        return "a string";
      case TokenKind::end:
        return "the end of the template";
      default:
        return concat("\"", token.text, "\"");
    }
  }
  [[noreturn]] void stop(std::string_view expected) const {
    fail(ErrorCode::bad_model, "chat template, line ", now().line, ": expected ", expected, ", found ",
         describe(now()));
  }

  static bool is(const LexedToken& token, TokenKind kind, std::string_view text) {
    return token.kind == kind && token.text == text;
  }
  bool sign_is(std::string_view sign) const { return is(now(), TokenKind::sign, sign); }
  bool word_is(std::string_view word) const { return is(now(), TokenKind::name, word); }
  bool word_is_one_of(std::initializer_list<std::string_view> words) const {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return word_is(word); });
  }
  bool skip_sign(std::string_view sign) { return sign_is(sign) && (take(), true); }
  bool skip_word(std::string_view word) { return word_is(word) && (take(), true); }
  void expect_sign(std::string_view sign) {
    if (!skip_sign(sign)) stop(concat("\"", sign, "\""));
  }
  void expect_word(std::string_view word) {
    if (!skip_word(word)) stop(concat("\"", word, "\""));
  }
  std::string take_name(std::string_view what) {
    if (now().kind != TokenKind::name) stop(what);
    return take().text;
  }
  void end_tag() {
    if (now().kind != TokenKind::tag_end) stop("\"%}\"");
    take();
  }

  /// Holds one level of nesting.
  struct Level {
    explicit Level(ExpressionParser& owner) : parser(owner) {
      if (++parser.depth_ > max_depth) parser.stop(concat("a nesting of at most ", max_depth));
    }
    ~Level() { --parser.depth_; }
    ExpressionParser& parser;
  };

  template <class Node>
  static ExpressionPtr make(int line, Node node) {
    return std::make_unique<Expression>(Expression{line, std::move(node)});
  }

  // ---- expressions, from the loosest binding to the tightest

  /// One expression, or several with commas between them, which make a tuple.
  ExpressionPtr parse_tuple(bool in_for) {
    const int line = now().line;
    ExpressionPtr first = in_for ? parse_or() : parse_expression();
    if (!sign_is(",")) return first;
    ListOf tuple;
    tuple.tuple = true;
    tuple.items.push_back(std::move(first));
    while (skip_sign(",")) {
      if (now().kind == TokenKind::tag_end || now().kind == TokenKind::output_end) break;
      tuple.items.push_back(in_for ? parse_or() : parse_expression());
    }
    return make(line, std::move(tuple));
  }

  ExpressionPtr parse_expression() {
    const Level level(*this);
    const int line = now().line;
    ExpressionPtr chosen = parse_or();
    if (!skip_word("if")) return chosen;
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = skip_word("else") ? parse_expression() : nullptr;
    ExpressionPtr node =
        make(line, Conditional{std::move(condition), std::move(chosen), std::move(otherwise)});
    if (word_is("if")) stop("brackets around one condition after another");
    return node;
  }

  template <class Next>
  ExpressionPtr parse_logic(bool is_and, Next next) {
    const int line = now().line;
    ExpressionPtr first = next();
    const std::string_view word = is_and ? "and" : "or";
    if (!word_is(word)) return first;
    Logic logic{is_and, {}};
    logic.operands.push_back(std::move(first));
    while (skip_word(word)) logic.operands.push_back(next());
    return make(line, std::move(logic));
  }
  ExpressionPtr parse_or() {
    return parse_logic(false, [&] { return parse_and(); });
  }
  ExpressionPtr parse_and() {
    return parse_logic(true, [&] { return parse_not(); });
  }

  ExpressionPtr parse_not() {
    const int line = now().line;
    if (!word_is("not")) return parse_comparisons();
    const Level level(*this);
    take();
    return make(line, Not{parse_not()});
  }

  bool take_comparison(Comparison& comparison) {
    constexpr std::string_view signs[] = {"==", "!=", "<", "<=", ">", ">="};
    for (int i = 0; i < 6; ++i) {
      if (!skip_sign(signs[i])) continue;
      comparison = static_cast<Comparison>(i);
      return true;
    }
    if (word_is("in") || (word_is("not") && is(after(), TokenKind::name, "in"))) {
      comparison = skip_word("not") ? Comparison::not_in : Comparison::in;
      take();
      return true;
    }
    return false;
  }

  ExpressionPtr parse_comparisons() {
    const int line = now().line;
    ExpressionPtr first = parse_calculation(0);
    Comparisons node;
    for (Comparison comparison{}; take_comparison(comparison);)
      node.rest.emplace_back(comparison, parse_calculation(0));
    if (node.rest.empty()) return first;
    node.first = std::move(first);
    return make(line, std::move(node));
  }

  bool take_operator(int precedence, Operator& op) {
    struct Row {
      int precedence;
      std::string_view sign;
      Operator op;
    };
    constexpr Row rows[] = {{0, "+", Operator::add},         {0, "-", Operator::subtract},
                            {1, "~", Operator::concatenate}, {2, "*", Operator::multiply},
                            {2, "/", Operator::divide},      {2, "//", Operator::floor_divide},
                            {2, "%", Operator::modulo},      {3, "**", Operator::power}};
    for (const Row& row : rows) {
      if (row.precedence != precedence || !skip_sign(row.sign)) continue;
      op = row.op;
      return true;
    }
    return false;
  }

  ExpressionPtr parse_calculation(int precedence) {
    constexpr int tightest = 3;
    const auto next = [&] {
      return precedence == tightest ? parse_unary(true) : parse_calculation(precedence + 1);
    };
    const int line = now().line;
    ExpressionPtr first = next();
    Calculation node;
    for (Operator op{}; take_operator(precedence, op);) node.rest.emplace_back(op, next());
    if (node.rest.empty()) return first;
    node.first = std::move(first);
    return make(line, std::move(node));
  }

  ExpressionPtr parse_unary(bool with_filters) {
    const Level level(*this);
    const int line = now().line;
    ExpressionPtr node;
    if (skip_sign("-"))
      node = make(line, Negation{parse_unary(false)});
    else if (skip_sign("+"))
      node = parse_unary(false);
    else
      node = parse_primary();
    return parse_postfix(std::move(node), with_filters);
  }

  ExpressionPtr parse_primary() {
    const int line = now().line;
    switch (now().kind) {
      case TokenKind::name:
        return parse_word();
      case TokenKind::integer:
        return make(line, Literal{take().integer});
      case TokenKind::real:
        return make(line, Literal{take().real});
      case TokenKind::string: {
        std::string text;
        while (now().kind == TokenKind::string) text += take().text;  // neighbours are one string
        return make(line, Literal{Value(std::move(text))});
      }
      default:
        break;
    }
    if (skip_sign("(")) return parse_brackets(line);
    if (skip_sign("[")) return parse_list(line);
    if (skip_sign("{")) return parse_dict(line);
    stop("an expression");
  }

  ExpressionPtr parse_word() {
    const int line = now().line;
    const std::string word = take().text;
    if (word == "true" || word == "True") return make(line, Literal{true});
    if (word == "false" || word == "False") return make(line, Literal{false});
    if (word == "none" || word == "None") return make(line, Literal{None{}});
    names_.varargs |= word == "varargs";
    names_.kwargs |= word == "kwargs";
    names_.caller |= word == "caller";
    return make(line, Name{word});
  }

  /// The rest of (expression) or of a tuple.
  ExpressionPtr parse_brackets(int line) {
    ListOf tuple;
    tuple.tuple = true;
    while (!skip_sign(")")) {
      tuple.items.push_back(parse_expression());
      if (skip_sign(",")) continue;
      expect_sign(")");
      if (tuple.items.size() == 1) return std::move(tuple.items[0]);
      break;
    }
    return make(line, std::move(tuple));
  }

  ExpressionPtr parse_list(int line) {
    ListOf list;
    while (!skip_sign("]")) {
      if (!list.items.empty()) expect_sign(",");
      if (skip_sign("]")) break;
      list.items.push_back(parse_expression());
    }
    return make(line, std::move(list));
  }

  ExpressionPtr parse_dict(int line) {
    DictOf dict;
    while (!skip_sign("}")) {
      if (!dict.items.empty()) expect_sign(",");
      if (skip_sign("}")) break;
      ExpressionPtr key = parse_expression();
      expect_sign(":");
      dict.items.emplace_back(std::move(key), parse_expression());
    }
    return make(line, std::move(dict));
  }

  /// .name, [key] and (arguments); then, `with_filters`, |filter, `is` test and (arguments).
  ExpressionPtr parse_postfix(ExpressionPtr base, bool with_filters) {
    Postfix node;
    bool filtered = false;
    for (;;) {
      if (!filtered && skip_sign("."))
        parse_attribute(node);
      else if (!filtered && skip_sign("["))
        parse_subscript(node);
      else if (skip_sign("("))
        node.steps.emplace_back(parse_arguments());
      else if (with_filters && skip_sign("|"))
        node.steps.emplace_back(parse_filter()), filtered = true;
      else if (with_filters && skip_word("is"))
        node.steps.emplace_back(parse_test()), filtered = true;
      else
        break;
    }
    if (node.steps.empty()) return base;
    const int line = base->line;
    node.base = std::move(base);
    return make(line, std::move(node));
  }

  void parse_attribute(Postfix& node) {
    if (now().kind == TokenKind::integer)
      node.steps.emplace_back(Subscript{make(now().line, Literal{take().integer})});
    else
      node.steps.emplace_back(Attribute{take_name("an attribute's name")});
  }

  void parse_subscript(Postfix& node) {
    const auto bound = [&]() -> ExpressionPtr {
      return sign_is(":") || sign_is("]") ? nullptr : parse_expression();
    };
    ExpressionPtr first = bound();
    if (skip_sign(":")) {
      Slice slice{std::move(first), bound(), nullptr};
      if (skip_sign(":")) slice.step = bound();
      node.steps.emplace_back(std::move(slice));
    } else {
      if (!first) stop("a key");
      node.steps.emplace_back(Subscript{std::move(first)});
    }
    expect_sign("]");
  }

  /// The rest of (a, b=c, *d, **e).
  Call parse_arguments() {
    Call call;
    for (bool first = true; !skip_sign(")"); first = false) {
      if (!first) expect_sign(",");
      if (skip_sign(")")) break;
      if (skip_sign("*")) {
        call.more_positional = parse_expression();
      } else if (skip_sign("**")) {
        call.more_keyword = parse_expression();
      } else if (now().kind == TokenKind::name && is(after(), TokenKind::sign, "=")) {
        std::string name = take().text;
        take();
        call.keyword.emplace_back(std::move(name), parse_expression());
      } else {
        if (!call.keyword.empty()) stop("an argument with a name, as those before have one");
        call.positional.push_back(parse_expression());
      }
    }
    return call;
  }

  Filter parse_filter() {
    Filter filter{take_name("a filter's name"), {}};
    if (skip_sign("(")) filter.arguments = parse_arguments();
    return filter;
  }

  Test parse_test() {
    Test test{"", skip_word("not"), {}};
    test.name = take_name("a test's name");
    const TokenKind kind = now().kind;
    if (skip_sign("(")) {
      test.arguments = parse_arguments();
    } else if (kind == TokenKind::string || kind == TokenKind::integer || kind == TokenKind::real ||
               sign_is("[") || sign_is("{") ||
               (kind == TokenKind::name && !word_is_one_of({"else", "or", "and", "if", "is", "in", "not"}))) {
      const Level level(*this);  // an argument without brackets: one value
      test.arguments.positional.push_back(parse_postfix(parse_primary(), false));
    }
    return test;
  }

  /// Names with a meaning of their own that a macro's body uses.
  struct Names {
    bool varargs = false, kwargs = false, caller = false;
  };

  std::vector<LexedToken> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Names names_;
};

}  // namespace linnet::jinja::detail
