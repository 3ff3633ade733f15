// laboratory/machine.hpp - the limits of this machine, measured: how fast it reads and how fast it
// multiplies. Never knows a kernel but the one that multiplies in registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include <linnet/base/config.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/kernels/table.hpp>

namespace linnet::laboratory {

/// Bytes of the last cache as the system describes it; 32 MiB where it does not.
std::int64_t last_cache_bytes();

/// A working set that has left the last cache when it is read again, or the most that can be had without
/// pressing the machine: twice the cache, at least 256 MiB, at most 1 GiB and an eighth of the free memory.
std::int64_t streaming_bytes();

/// Bytes per second that the team reads from memory in huge pages, with the machine's best instruction set:
/// the best of several passes over `bytes` bytes, since only the best says what the memory can do. Cost: half
/// a second for 1 GiB.
/// @throws Error(out_of_memory).
double measure_read_bandwidth(ThreadTeam& team, std::int64_t bytes);

/// Multiplications and additions per second that the team reaches in registers with this table's best
/// multiply: the best of several runs. 0 where the table has no such loop. Cost: a tenth of a second.
double measure_peak(ThreadTeam& team, const kernels::Table& table);

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/machine.ipp>
#endif
