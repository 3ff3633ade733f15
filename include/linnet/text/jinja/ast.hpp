// text/jinja/ast.hpp - a template as a tree. Never holds a value that rendering made.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <linnet/text/jinja/operations.hpp>
#include <linnet/text/jinja/value.hpp>

namespace linnet::jinja {

// The parser keeps every tree at most a few times max_depth deep, so that walking it needs no guard of its
// own: what can be chained in a template (operators, filters, elif) is a list here, not a chain of nodes.

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Name {
  std::string name;
};
struct Literal {
  Value value;
};
struct ListOf {
  std::vector<ExpressionPtr> items;
  bool tuple = false;
};
struct DictOf {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> items;
};
struct Negation {
  ExpressionPtr operand;
};
struct Not {
  ExpressionPtr operand;
};
/// first op1 second op2 third ..., from the left.
struct Calculation {
  ExpressionPtr first;
  std::vector<std::pair<Operator, ExpressionPtr>> rest;
};
/// a and b and c, or a or b or c.
struct Logic {
  bool is_and;
  std::vector<ExpressionPtr> operands;
};
enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal, in, not_in };
/// a < b <= c: true if each neighbouring pair compares so.
struct Comparisons {
  ExpressionPtr first;
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
};
/// chosen if condition else otherwise.
struct Conditional {
  ExpressionPtr condition, chosen, otherwise;  // otherwise may be empty: undefined
};

struct Call {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr more_positional, more_keyword;  // *list and **dictionary; may be empty
};
struct Attribute {
  std::string name;
};
struct Subscript {
  ExpressionPtr key;
};
struct Slice {
  ExpressionPtr start, stop, step;  // each may be empty
};
struct Filter {
  std::string name;
  Call arguments;
};
struct Test {
  std::string name;
  bool negated;
  Call arguments;
};
/// What follows a value: a.b[c](d)|e is f, from the left.
struct Postfix {
  ExpressionPtr base;
  std::vector<std::variant<Attribute, Subscript, Slice, Call, Filter, Test>> steps;
};

struct Expression {
  int line;
  std::variant<Name, Literal, ListOf, DictOf, Negation, Not, Calculation, Logic, Comparisons, Conditional,
               Postfix>
      node;
};

struct Statement;
using Block = std::vector<Statement>;

/// What a value is assigned to: a name, a namespace's attribute, or several targets that share out a list.
struct Target {
  std::string name;
  std::string attribute;      // not empty: of the namespace `name`
  std::vector<Target> parts;  // not empty: a tuple of targets
};

struct Text {
  std::string text;
};
struct Output {
  ExpressionPtr value;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExpressionPtr items;
  ExpressionPtr condition;  // may be empty
  Block body, otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
/// {% set x | filter %}...{% endset %}, and {% filter f %}...{% endfilter %} without a target.
struct Captured {
  Target target;
  std::vector<Filter> filters;
  Block body;
};
struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with their defaults, which may be empty
  bool takes_more_positional = false;                             // uses `varargs`
  bool takes_more_keyword = false;                                // uses `kwargs`
  bool takes_caller = false;                                      // uses `caller`
  Block body;
};
/// {% call(parameters) f() %}...{% endcall %}
struct CallBlock {
  Macro caller;
  ExpressionPtr call;  // a Postfix that ends in a Call
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Block body;
};
struct Jump {
  bool is_break;
};

struct Statement {
  int line;
  std::variant<Text, Output, If, For, Set, Captured, Macro, CallBlock, With, Jump> node;
};

}  // namespace linnet::jinja
