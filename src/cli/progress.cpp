// cli/progress.cpp - the bodies of progress.hpp.
#include "progress.hpp"

#include <algorithm>

#include <linnet/base/error.hpp>

#include "format.hpp"
#include "output.hpp"

namespace linnet::cli {

Progress::Progress(std::string_view what, std::int64_t total, std::string_view unit)
    : what_(what),
      unit_(unit),
      total_(total),
      enabled_(stderr_is_terminal()),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (shown_) print_error("\r\x1b[K");
}

void Progress::add(std::int64_t count) {
  done_ += count;
  if (!enabled_) return;
  constexpr double patience = 1.0, interval = 0.1;  // seconds
  const auto now = Clock::now();
  const auto since = [&](Clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  if (since(start_) < patience || (shown_ && since(last_) < interval)) return;
  last_ = now;
  shown_ = true;
  draw(since(start_));
}

void Progress::draw(double elapsed) const {
  const double rate = static_cast<double>(done_) / elapsed;
  const auto amount = [&](double n) {
    return unit_ == "bytes" ? human_bytes(n) : concat(fixed(n, n < 10 ? 1 : 0), " ", unit_);
  };
  std::string line = concat("\r\x1b[K", what_);
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    constexpr int width = 24;
    const int filled = static_cast<int>(share * width);
    line += " [";
    for (int i = 0; i < width; ++i) line += i < filled ? '=' : ' ';
    line += concat("] ", fixed(100 * share, 0), " %");
    if (rate > 0) line += concat(", ", human_duration(static_cast<double>(total_ - done_) / rate), " left");
  } else {
    line += concat(" ", amount(static_cast<double>(done_)));
  }
  print_error(concat(line, ", ", amount(rate), "/s", note_.empty() ? "" : ", ", note_));
}

}  // namespace linnet::cli
