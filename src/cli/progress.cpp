// cli/progress.cpp - the bodies of progress.hpp.
#include "progress.hpp"

#include <algorithm>

#include <linnet/base/error.hpp>

#include "format.hpp"
#include "output.hpp"

namespace linnet::cli {
namespace {

constexpr std::size_t bar_length = 24, bar_width = bar_length + 3;  // with its frame

std::string bar(std::int64_t done, std::int64_t total) {
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar_length));
  return concat(" [", std::string(filled, '='), std::string(bar_length - filled, ' '), "]");
}

/// The beginning of a text that takes no more than so many columns; a character takes one for each of its
/// bytes at most.
std::string shortened(const std::string& text, std::size_t columns) {
  std::size_t end = std::min(columns, text.size());
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

Progress::Progress(std::string_view what, std::int64_t total, std::string_view unit)
    : what_(what),
      unit_(unit),
      total_(total),
      enabled_(stderr_obeys_escapes()),
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
  std::string line = what_, end;
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    end = concat(" ", fixed(100 * share, 0), " %");
    if (rate > 0) end += concat(", ", human_duration(static_cast<double>(total_ - done_) / rate), " left");
  } else {
    end = concat(" ", amount(static_cast<double>(done_)));
  }
  end += concat(", ", amount(rate), "/s", note_.empty() ? "" : ", ", note_);
  // A line that is wider than the window goes on in the next one, which nothing would wipe away.
  const std::size_t room = stderr_columns() - 1;
  if (total_ > 0 && line.size() + bar_width + end.size() <= room) line += bar(done_, total_);
  if (end.size() < room) line = shortened(line, room - end.size());
  print_error(concat("\r\x1b[K", shortened(line + end, room)));
}

}  // namespace linnet::cli
