// text/jinja/parser.ipp - the body of parser.hpp: reads statements by recursive descent.
#pragma once

#include <utility>

#include <linnet/text/jinja/expression_parser.hpp>
#include <linnet/text/jinja/parser.hpp>

namespace linnet::jinja {
namespace detail {

class Parser : ExpressionParser {
 public:
  explicit Parser(std::string_view source) : ExpressionParser(source) {}

  Block run() {
    Block block = parse_block({});
    if (now().kind != TokenKind::end) stop("a statement that is open");
    return block;
  }

 private:
  /// Statements up to a tag that begins with one of `ends`; that word is the token that follows then.
  Block parse_block(std::initializer_list<std::string_view> ends) {
    const Level level(*this);
    Block block;
    while (now().kind != TokenKind::end) {
      const int line = now().line;
      if (now().kind == TokenKind::text) {
        block.push_back({line, Text{take().text}});
      } else if (now().kind == TokenKind::output_begin) {
        take();
        block.push_back({line, Output{parse_tuple(false)}});
        if (now().kind != TokenKind::output_end) stop("\"}}\"");
        take();
      } else {
        take();
        if (word_is_one_of(ends)) return block;
        parse_statement(line, block);
      }
    }
    if (ends.size() > 0) stop(concat("{% ", *(ends.end() - 1), " %}"));
    return block;
  }

  void parse_statement(int line, Block& block) {
    const std::string word = take_name("a statement");
    if (word == "if") return block.push_back({line, parse_if()});
    if (word == "for") return block.push_back({line, parse_for()});
    if (word == "set") return block.push_back(parse_set(line));
    if (word == "macro") return block.push_back({line, parse_macro()});
    if (word == "call") return block.push_back({line, parse_call_block()});
    if (word == "filter") return block.push_back({line, parse_filter_block()});
    if (word == "with") return block.push_back({line, parse_with()});
    if (word == "break" || word == "continue") return block.push_back({line, parse_jump(word == "break")});
    if (word == "generation") return parse_generation(block);
    --at_;
    stop("one of the statements if, for, set, macro, call, filter, with, break, continue, raw, generation");
  }

  If parse_if() {
    If node;
    for (;;) {
      ExpressionPtr condition = parse_tuple(false);
      end_tag();
      Block body = parse_block({"elif", "else", "endif"});
      node.branches.emplace_back(std::move(condition), std::move(body));
      if (!skip_word("elif")) break;
    }
    if (skip_word("else")) {
      end_tag();
      node.otherwise = parse_block({"endif"});
    }
    expect_word("endif");
    end_tag();
    return node;
  }

  For parse_for() {
    For node;
    node.target = parse_target();
    expect_word("in");
    node.items = parse_tuple(true);
    if (skip_word("if")) node.condition = parse_expression();
    if (word_is("recursive")) stop("\"%}\" (linnet has no recursive loops)");
    end_tag();
    ++loops_;
    node.body = parse_block({"else", "endfor"});
    --loops_;
    if (skip_word("else")) {
      end_tag();
      node.otherwise = parse_block({"endfor"});
    }
    expect_word("endfor");
    end_tag();
    return node;
  }

  Statement parse_set(int line) {
    Target target = parse_target();
    if (skip_sign("=")) {
      Set node{std::move(target), parse_tuple(false)};
      end_tag();
      return {line, std::move(node)};
    }
    Captured node;
    node.target = std::move(target);
    while (skip_sign("|")) node.filters.push_back(parse_filter());
    end_tag();
    node.body = parse_block({"endset"});
    expect_word("endset");
    end_tag();
    return {line, std::move(node)};
  }

  Captured parse_filter_block() {
    Captured node;
    do node.filters.push_back(parse_filter());
    while (skip_sign("|"));
    end_tag();
    node.body = parse_block({"endfilter"});
    expect_word("endfilter");
    end_tag();
    return node;
  }

  /// (a, b=default, ...)
  void parse_parameters(Macro& macro) {
    expect_sign("(");
    while (!skip_sign(")")) {
      if (!macro.parameters.empty()) expect_sign(",");
      if (skip_sign(")")) return;
      std::string name = take_name("a parameter");
      ExpressionPtr fallback;
      if (skip_sign("="))
        fallback = parse_expression();
      else if (!macro.parameters.empty() && macro.parameters.back().second)
        stop("a default, as the parameter before has one");
      macro.parameters.emplace_back(std::move(name), std::move(fallback));
    }
  }

  void parse_macro_body(Macro& macro, std::string_view end) {
    end_tag();
    const Names before = std::exchange(names_, Names{});
    const int loops = std::exchange(loops_, 0);
    macro.body = parse_block({end});
    macro.takes_more_positional = names_.varargs;
    macro.takes_more_keyword = names_.kwargs;
    macro.takes_caller = names_.caller;
    names_ = before;
    loops_ = loops;
    expect_word(end);
    end_tag();
  }

  Macro parse_macro() {
    Macro macro;
    macro.name = take_name("a macro's name");
    parse_parameters(macro);
    parse_macro_body(macro, "endmacro");
    return macro;
  }

  CallBlock parse_call_block() {
    CallBlock node;
    node.caller.name = "caller";
    if (sign_is("(")) parse_parameters(node.caller);
    node.call = parse_expression();
    const auto* const postfix = std::get_if<Postfix>(&node.call->node);
    if (!postfix || !std::holds_alternative<Call>(postfix->steps.back())) stop("a call of a macro before");
    parse_macro_body(node.caller, "endcall");
    return node;
  }

  With parse_with() {
    With node;
    while (now().kind != TokenKind::tag_end) {
      if (!node.values.empty()) expect_sign(",");
      Target target = parse_target();
      expect_sign("=");
      node.values.emplace_back(std::move(target), parse_expression());
    }
    end_tag();
    node.body = parse_block({"endwith"});
    expect_word("endwith");
    end_tag();
    return node;
  }

  Jump parse_jump(bool is_break) {
    if (loops_ == 0) stop("a loop around break or continue");
    end_tag();
    return {is_break};
  }

  /// {% generation %} marks what a model wrote, for training; it renders as its body.
  void parse_generation(Block& block) {
    end_tag();
    block.push_back({now().line, With{{}, parse_block({"endgeneration"})}});
    expect_word("endgeneration");
    end_tag();
  }

  Target parse_one_target() {
    const Level level(*this);
    Target target;
    if (skip_sign("(")) {
      target = parse_target();
      expect_sign(")");
      return target;
    }
    target.name = take_name("a name to assign to");
    if (skip_sign(".")) target.attribute = take_name("a namespace's attribute");
    return target;
  }

  Target parse_target() {
    Target first = parse_one_target();
    if (!sign_is(",")) return first;
    Target tuple;
    tuple.parts.push_back(std::move(first));
    while (skip_sign(",")) {
      if (now().kind != TokenKind::name && !sign_is("(")) break;
      if (word_is("in")) break;
      tuple.parts.push_back(parse_one_target());
    }
    return tuple;
  }

  int loops_ = 0;  // around what is read
};

}  // namespace detail

LINNET_INLINE Block parse_template(std::string_view source) {
  if (source.size() > max_source)
    fail(ErrorCode::bad_model, "chat template: expected at most ", max_source, " bytes, found ",
         source.size());
  return detail::Parser(source).run();
}

}  // namespace linnet::jinja
