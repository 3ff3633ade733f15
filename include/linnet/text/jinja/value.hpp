// text/jinja/value.hpp - what a template's variables hold. Never knows how a template is written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <linnet/base/error.hpp>

namespace linnet::jinja {

class Value;
class Interpreter;

/// How deep lists and dictionaries, statements and expressions may be nested.
inline constexpr int max_depth = 64;

/// What is not there: a name without a value, a key that a dictionary lacks. It prints as nothing.
struct Undefined {
  std::string name;
};
struct None {};

/// A list or a tuple (they print differently). Never changed once it is a Value.
struct List {
  std::vector<Value> items;
  bool tuple = false;
  int depth = 0;
  bool is_data = true;
};

/// A dictionary in the order of insertion. Never changed once it is a Value.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  int depth = 0;
  bool is_data = true;

  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// Adds an entry, or replaces the value of the one that has this key.
  void set(Value key, Value value);
};

/// The only thing that a template can change in place: {% set ns.x = ... %}. Holds data alone
/// (Value::is_data), so it is no part of a cycle.
struct Namespace {
  std::map<std::string, Value, std::less<>> values;
};

/// The arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// A macro, a global function or a method with the object that it belongs to.
struct Function {
  std::string name;
  std::function<Value(Interpreter&, Arguments&)> call;
  int depth = 0;  // of the object that it belongs to
};

/// What `loop` is within a loop.
struct Loop;

/// A value: cheap to copy (texts, lists and dictionaries are shared), immutable but for namespaces.
class Value {
 public:
  using Text = std::shared_ptr<const std::string>;
  using Data = std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const List>,
                            std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                            std::shared_ptr<const Function>, std::shared_ptr<Loop>>;

  Value() : data_(None{}) {}
  Value(None) : data_(None{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(bool flag) : data_(flag) {}
  Value(std::int64_t number) : data_(number) {}
  Value(int number) : data_(std::int64_t{number}) {}
  Value(double number) : data_(number) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  /// @throws Error(bad_model) for a nesting deeper than max_depth.
  Value(List list);
  Value(Dict dict);
  Value(std::shared_ptr<Namespace> space) : data_(std::move(space)) {}
  Value(Function function) : data_(std::make_shared<const Function>(std::move(function))) {}
  Value(std::shared_ptr<Loop> loop) : data_(std::move(loop)) {}

  const Data& data() const noexcept { return data_; }

  bool is_undefined() const noexcept { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const noexcept { return std::holds_alternative<None>(data_); }
  bool is_bool() const noexcept { return std::holds_alternative<bool>(data_); }
  bool is_integer() const noexcept { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const noexcept { return std::holds_alternative<double>(data_); }
  bool is_number() const noexcept { return is_bool() || is_integer() || is_float(); }

  // The content, or nothing where the value is of another type.
  const std::string* text() const noexcept { return get<Text>(); }
  const List* list() const noexcept { return get<std::shared_ptr<const List>>(); }
  const Dict* dict() const noexcept { return get<std::shared_ptr<const Dict>>(); }
  Namespace* name_space() const noexcept { return get<std::shared_ptr<Namespace>>(); }
  const Function* function() const noexcept { return get<std::shared_ptr<const Function>>(); }
  Loop* loop() const noexcept { return get<std::shared_ptr<Loop>>(); }

  /// How many lists and dictionaries lie within each other.
  int depth() const noexcept {
    return list() ? list()->depth : dict() ? dict()->depth : function() ? function()->depth : 0;
  }
  /// Neither a namespace nor a function nor a loop, nor a list or dictionary that holds one.
  bool is_data() const noexcept {
    return list() ? list()->is_data : dict() ? dict()->is_data : !name_space() && !function() && !loop();
  }

 private:
  template <class Pointer>
  auto get() const noexcept -> decltype(std::declval<Pointer>().get()) {
    const Pointer* const pointer = std::get_if<Pointer>(&data_);
    return pointer ? pointer->get() : nullptr;
  }

  /// 1 + the depth of the deepest element so far. @throws as the constructors
  static int check_element(const Value& element, int depth) {
    if (element.depth() >= max_depth)
      fail(ErrorCode::bad_model, "chat template: expected lists and dictionaries nested at most ", max_depth,
           " deep");
    return std::max(depth, element.depth() + 1);
  }

  Data data_;
};

struct Loop {
  std::vector<Value> items;
  std::size_t index = 0;         // of the present item
  std::vector<Value> seen = {};  // the arguments of the last loop.changed(), if
  bool has_seen = false;         // there was one
};

inline Value::Value(List list) {
  list.depth = 1;
  list.is_data = true;
  for (const Value& item : list.items) {
    list.depth = check_element(item, list.depth);
    list.is_data &= item.is_data();
  }
  data_ = std::make_shared<const List>(std::move(list));
}

inline Value::Value(Dict dict) {
  dict.depth = 1;
  dict.is_data = true;
  for (const auto& [key, value] : dict.items) {
    dict.depth = check_element(value, check_element(key, dict.depth));
    dict.is_data &= value.is_data();
  }
  data_ = std::make_shared<const Dict>(std::move(dict));
}

}  // namespace linnet::jinja
