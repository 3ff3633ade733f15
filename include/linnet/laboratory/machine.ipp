// laboratory/machine.ipp - the body of machine.hpp.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include <linnet/base/buffer.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/laboratory/machine.hpp>
#include <linnet/laboratory/timer.hpp>

namespace linnet::laboratory {
namespace detail {

/// The number before " kB" on the line of /proc/meminfo that starts so, in bytes; 0 where there is none.
inline std::int64_t memory_info(std::string_view name) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return std::atoll(line.c_str() + name.size()) * 1024;
  return 0;
}

}  // namespace detail

LINNET_INLINE std::int64_t last_cache_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  for (int level : {_SC_LEVEL4_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE})
    if (const long bytes = sysconf(level); bytes > 0) return bytes;
#endif
  return std::int64_t{32} << 20;
}

LINNET_INLINE std::int64_t streaming_bytes() {
  constexpr std::int64_t least = std::int64_t{256} << 20, most = std::int64_t{1} << 30,
                         page = std::int64_t{2} << 20;
  std::int64_t bytes = std::clamp(2 * last_cache_bytes(), least, most);
  if (const std::int64_t free = detail::memory_info("MemAvailable:"); free > 0)
    bytes = std::min(bytes, free / 8);
  return std::max(bytes / page, std::int64_t{1}) * page;
}

LINNET_INLINE double measure_read_bandwidth(ThreadTeam& team, std::int64_t bytes) {
  constexpr std::int64_t piece = std::int64_t{4} << 20;  // shorter runs of the prefetchers cost some percent
  constexpr int passes = 8;
  bytes = std::max(bytes / piece, std::int64_t{1}) * piece;
  Buffer buffer(static_cast<std::size_t>(bytes));
  const auto each_piece = [&](auto&& body) {
    return seconds_of([&] {
      team.run([&](ThreadTeam::Member& member) {
        member.for_chunks(bytes / piece, 1,
                          [&](std::int64_t i, std::int64_t) { body(buffer.data() + i * piece); });
      });
    });
  };
  // Written first: pages that were not are all the same page of zeros.
  each_piece([](std::byte* data) { std::fill_n(reinterpret_cast<float*>(data), piece / 4, 1.0f); });
  std::atomic<float> sink{0};  // for the sums to be wanted
  // Best first: the memory's limit is the same for every instruction set that is measured against it.
  const auto choices = kernels::choices();
  const kernels::Table& table =
      *std::find_if(choices.begin(), choices.end(), [](const kernels::Choice& choice) {
         return choice.available;
       })->table;
  double best = 1e30;
  for (int pass = 0; pass < passes; ++pass)
    best = std::min(best, each_piece([&](std::byte* data) {
                      sink.store(table.read_memory(data, piece), std::memory_order_relaxed);
                    }));
  return static_cast<double>(bytes) / best;
}

LINNET_INLINE double measure_peak(ThreadTeam& team, const kernels::Table& table) {
  if (!table.peak_operations) return 0;
  std::atomic<std::int64_t> operations{0};
  const auto rate_of = [&](std::int64_t rounds, double& seconds) {
    operations = 0;
    seconds = seconds_of([&] {
      team.run([&](ThreadTeam::Member& member) {
        operations += table.peak_operations(rounds);
        member.barrier();
      });
    });
    return static_cast<double>(operations) / seconds;
  };
  // Somebody else's work makes a run longer, never shorter: the fastest counts, and runs get long enough for
  // a pause of some milliseconds not to matter.
  constexpr double enough = 0.05;
  constexpr int runs = 4;
  double best = 0, seconds = 0;
  for (std::int64_t rounds = 10000; seconds < enough; rounds *= 2)
    for (int i = 0; i < runs; ++i) best = std::max(best, rate_of(rounds, seconds));
  return best;
}

}  // namespace linnet::laboratory
