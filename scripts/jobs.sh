#!/bin/bash
# jobs.sh - how many compilers may run at once: one per core that this process is granted, and one per 1.5 GiB of memory.
set -euo pipefail
cores=$(nproc)
# A container's share of time; "max" where there is no limit.
if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
  granted=$(((quota + period - 1) / period))
  [ "$granted" -lt "$cores" ] && cores=$granted
fi
memory=$(awk '/^MemAvailable/ { print int($2 / 1572864) }' /proc/meminfo 2>/dev/null || echo "$cores")
[ "${memory:-0}" -lt "$cores" ] && cores=${memory:-1}
echo $((cores < 1 ? 1 : cores))
