// laboratory/disturbance.hpp - whether other programs held up what was measured. Never measures a time of
// work.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <linnet/base/config.hpp>

namespace linnet::laboratory {

/// What to say of a measurement that lost its cores so many times in so many seconds: a line, or "" where
/// that is too seldom to matter, up to a hundred times a second, and in all.
std::string disturbance_note(std::int64_t times, double seconds);

/// Counts from its making on how often the system took a core from a thread of this process that wanted to go
/// on. Other virtual machines on the same processor are not seen.
class Disturbance {
 public:
  Disturbance();
  /// See disturbance_note(); "" where the system does not count.
  std::string note() const;

 private:
  static std::int64_t count();

  std::int64_t before_ = count();
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/disturbance.ipp>
#endif
