// text/jinja/budget.hpp - what a template may use up, and where it is. Never lets one run without end.
#pragma once

#include <cstddef>
#include <cstdint>

#include <linnet/base/error.hpp>

namespace linnet::jinja {

/// Counts a rendering's work. One step is one statement, expression or element, or 64 bytes of text made or
/// compared; so time and memory are both bounded.
class Budget {
 public:
  static constexpr std::int64_t max_steps = 1'000'000;
  static constexpr std::size_t max_text = std::size_t{16} << 20;  // bytes of the output, and of any one text
  static constexpr int max_calls = 64;                            // macros within macros
  static constexpr int max_nesting = 400;  // statements and expressions within each other, over all calls

  /// The line of the template that is being rendered, for errors.
  int line = 1;

  /// @throws Error(bad_model) that says where and why.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    linnet::fail(ErrorCode::bad_model, "chat template, line ", line, ": ", parts...);
  }

  void charge(std::size_t steps) {
    steps_ += static_cast<std::int64_t>(steps);
    if (steps_ > max_steps) fail("expected at most ", max_steps, " steps, the template takes more");
  }

  /// For a text of this many bytes, made or read as a whole.
  void charge_text(std::size_t bytes) {
    if (bytes > max_text)
      fail("expected texts of at most ", max_text, " bytes, the template makes a longer one");
    charge(bytes / 64);
  }

  /// Holds one level of nesting as long as it lives.
  class Level {
   public:
    Level(Budget& budget, int& level, int limit) : level_(level) {
      if (level >= limit) budget.fail("expected a nesting of at most ", limit, ", the template goes deeper");
      ++level_;
    }
    ~Level() { --level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& level_;
  };
  Level nest() { return Level(*this, nesting_, max_nesting); }
  Level call() { return Level(*this, calls_, max_calls); }

 private:
  std::int64_t steps_ = 0;
  int nesting_ = 0;
  int calls_ = 0;
};

}  // namespace linnet::jinja
