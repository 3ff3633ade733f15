// laboratory/timer.hpp - the time that a piece of work takes, repeated until it is known. Never reports.
#pragma once

#include <chrono>
#include <vector>

#include <linnet/laboratory/spread.hpp>

namespace linnet::laboratory {

/// Wall-clock seconds of one call.
template <class Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How long to go on.
struct Effort {
  double seconds = 0.2;  // of all calls that count, together
  int least = 3;         // calls, whatever they take
  int most = 1000;
};

/// Calls work() once uncounted, then until the effort is spent; the seconds of each call.
template <class Work>
Spread repeat(const Effort& effort, Work&& work) {
  work();
  std::vector<double> seconds;
  for (double total = 0; static_cast<int>(seconds.size()) < effort.least ||
                         (total < effort.seconds && static_cast<int>(seconds.size()) < effort.most);
       total += seconds.back())
    seconds.push_back(seconds_of(work));
  return Spread(std::move(seconds));
}

}  // namespace linnet::laboratory
