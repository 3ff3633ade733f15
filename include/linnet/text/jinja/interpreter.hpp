// text/jinja/interpreter.hpp - renders a template's tree. Never touches anything but the values given to it.
#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/text/jinja/ast.hpp>
#include <linnet/text/jinja/budget.hpp>
#include <linnet/text/jinja/value.hpp>

namespace linnet::jinja {

using Variables = std::map<std::string, Value, std::less<>>;

/// One rendering. Its filters, tests, methods and global functions are the tables in filters.ipp, tests.ipp,
/// methods.ipp and functions.ipp; nothing else can be named or called.
class Interpreter {
 public:
  /// @param now  what strftime_now() tells; none: the local time.
  explicit Interpreter(const Variables& variables, std::optional<std::tm> now = std::nullopt);

  /// @throws Error(bad_model) where the template is wrong or uses up its Budget, Error(invalid_argument) with
  /// the template's own words where it calls raise_exception.
  std::string render(const Block& block);

  // What filters, tests, methods and functions work with.
  Budget& budget() noexcept { return budget_; }
  const std::optional<std::tm>& now() const noexcept { return now_; }
  Value call(const Value& function, Arguments& arguments);
  Value apply_filter(std::string_view name, const Value& value, Arguments& arguments);
  bool apply_test(std::string_view name, const Value& value, Arguments& arguments);
  /// value.name, and value[key]: a method or an element, whichever of them Jinja looks for first.
  Value attribute(const Value& value, std::string_view name);
  Value subscript(const Value& value, const Value& key);

 private:
  enum class Flow { next, break_loop, continue_loop };
  using Scope = std::map<std::string_view, Value>;

  Flow execute(const Block& block);
  Flow execute(const Text& node);
  Flow execute(const Output& node);
  Flow execute(const If& node);
  Flow execute(const For& node);
  Flow execute(const Set& node);
  Flow execute(const Captured& node);
  Flow execute(const Macro& node);
  Flow execute(const CallBlock& node);
  Flow execute(const With& node);
  Flow execute(const Jump& node);

  Value evaluate(const Expression& expression);
  Value evaluate(const ExpressionPtr& expression) { return evaluate(*expression); }
  Value evaluate(const Name& node);
  Value evaluate(const Literal& node) { return node.value; }
  Value evaluate(const ListOf& node);
  Value evaluate(const DictOf& node);
  Value evaluate(const Negation& node);
  Value evaluate(const Not& node);
  Value evaluate(const Calculation& node);
  Value evaluate(const Logic& node);
  Value evaluate(const Comparisons& node);
  Value evaluate(const Conditional& node);
  Value evaluate(const Postfix& node);

  // The steps of a Postfix.
  Value apply(const Value& value, const Attribute& step);
  Value apply(const Value& value, const Subscript& step);
  Value apply(const Value& value, const Slice& step);
  Value apply(const Value& value, const Call& step);
  Value apply(const Value& value, const Filter& step);
  Value apply(const Value& value, const Test& step);

  Arguments evaluate_arguments(const Call& call);
  bool compare(Comparison comparison, const Value& a, const Value& b);
  std::vector<Value> loop_items(const For& node);
  void assign(const Target& target, const Value& value);
  void write(std::string_view text);
  /// What the block writes, in a scope of its own.
  std::string capture(const Block& block);
  /// The macro as a value that sees the data around it as it is now, and the template's outermost names as
  /// they will be when it is called.
  Value make_macro(const Macro& macro);
  Value call_macro(const Macro& macro, const Scope& around, Arguments& arguments);
  void bind_parameters(const Macro& macro, Arguments& arguments);

  /// A scope as long as it lives.
  class ScopeGuard {
   public:
    explicit ScopeGuard(Interpreter& owner) : owner_(owner) { owner_.scopes_.emplace_back(); }
    ~ScopeGuard() { owner_.scopes_.pop_back(); }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

   private:
    Interpreter& owner_;
  };

  Budget budget_;
  std::optional<std::tm> now_;
  std::vector<Scope> scopes_;     // the first is the template's outermost
  std::size_t visible_from_ = 1;  // scopes before this, but for the first, belong to callers
  std::string* out_ = nullptr;
};

}  // namespace linnet::jinja

#ifdef LINNET_HEADER_ONLY
#include <linnet/text/jinja/filters.ipp>
#include <linnet/text/jinja/functions.ipp>
#include <linnet/text/jinja/interpreter.ipp>
#include <linnet/text/jinja/methods.ipp>
#include <linnet/text/jinja/tests.ipp>
#endif
