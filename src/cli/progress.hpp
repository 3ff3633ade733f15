// cli/progress.hpp - one line on a terminal that says how far long work is. Never in a pipe, and gone when
// the work is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace linnet::cli {

/// Appears on standard error after a second of work, if that is a terminal; the destructor wipes it away.
class Progress {
 public:
  /// @param what   "writing model.gguf"
  /// @param total  units of work; 0: not known
  /// @param unit   "tokens"; "bytes" are written as human_bytes
  Progress(std::string_view what, std::int64_t total, std::string_view unit);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Says that `count` more units are done.
  void add(std::int64_t count);
  /// What the line ends with from now on, e.g. "error 0.071".
  void note(std::string text) { note_ = std::move(text); }

 private:
  using Clock = std::chrono::steady_clock;

  void draw(double elapsed) const;

  std::string what_, unit_, note_;
  std::int64_t total_, done_ = 0;
  bool enabled_, shown_ = false;
  Clock::time_point start_, last_;
};

}  // namespace linnet::cli
