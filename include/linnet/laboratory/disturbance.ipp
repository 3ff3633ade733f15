// laboratory/disturbance.ipp - the body of disturbance.hpp.
#pragma once

#include <algorithm>

#ifdef __unix__
#include <sys/resource.h>
#endif

#include <linnet/base/error.hpp>
#include <linnet/laboratory/disturbance.hpp>

namespace linnet::laboratory {

LINNET_INLINE std::string disturbance_note(std::int64_t times, double seconds) {
  constexpr double seldom =
      100;  // a second; two threads of a quiet machine: 40 to 60, beside others 140 and more
  if (static_cast<double>(times) <= seldom * std::max(seconds, 1.0)) return "";
  return concat("note: other programs took a core ", times,
                " times while this was measured: the figures may be far too low\n");
}

LINNET_INLINE Disturbance::Disturbance() = default;

LINNET_INLINE std::string Disturbance::note() const {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
  return disturbance_note(count() - before_, taken.count());
}

LINNET_INLINE std::int64_t Disturbance::count() {
#ifdef __unix__
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) return usage.ru_nivcsw;
#endif
  return 0;
}

}  // namespace linnet::laboratory
