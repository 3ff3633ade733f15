#!/bin/bash
# install-deps.sh - installs what linnet is built with, where it is missing. Debian 12, Ubuntu 22.04 and newer.
# Says nothing and needs no network where nothing is missing. Never removes or upgrades anything on purpose.
# install-deps.sh arm64: also what builds for 64-bit Arm and runs it here. install-deps.sh clang: also clang with its
# OpenMP and what it fuzzes with.
set -euo pipefail

commands=(g++:g++ cmake:cmake ninja:ninja-build ccache:ccache pkg-config:pkg-config python3:python3)
[ "${1:-}" = arm64 ] && commands+=(aarch64-linux-gnu-g++:g++-aarch64-linux-gnu qemu-aarch64:qemu-user)
files=()
[ "${1:-}" = clang ] && commands+=(clang++-14:clang-14) && files+=(
  "/usr/lib/llvm-14/lib/libomp.so:libomp-14-dev"
  "/usr/lib/llvm-14/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a:libclang-rt-14-dev")

# Prints the packages of the commands, files and headers that are not there. Headers are asked of the compiler, so that those
# installed by hand count, too.
missing_packages() {
  local pair
  for pair in "${commands[@]}"; do
    command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
  done
  for pair in ${files[@]+"${files[@]}"}; do
    compgen -G "${pair%:*}" >/dev/null || echo "${pair##*:}"
  done
  local headers=(eigen3/Eigen/Core:libeigen3-dev xsimd/xsimd.hpp:libxsimd-dev gtest/gtest.h:libgtest-dev
                 benchmark/benchmark.h:libbenchmark-dev utf8proc.h:libutf8proc-dev
                 nlohmann/json.hpp:nlohmann-json3-dev CLI/CLI.hpp:libcli11-dev)
  if ! command -v g++ >/dev/null; then
    printf '%s\n' "${headers[@]##*:}"
    return
  fi
  for pair in "${headers[@]}"; do
    printf '#if !__has_include(<%s>)\n%s\n#endif\n' "${pair%%:*}" "${pair##*:}"
  done | g++ -E -P -x c++ -
}

# Two numbers as one that can be compared: 3.25.1 -> 3025.
version_number() { awk -F. '{ print $1 * 1000 + $2 }'; }

check_versions() {
  local compiler cmake
  compiler=$(g++ -dumpfullversion)
  cmake=$(cmake --version | awk 'NR == 1 { print $3 }')
  if [ "${compiler%%.*}" -lt 11 ]; then
    echo "linnet needs g++ 11 or newer (12 is tested), found $compiler: install one and set CXX" >&2
    exit 1
  fi
  if [ "$(version_number <<<"$cmake")" -lt 3022 ]; then
    echo "linnet needs CMake 3.22 or newer, found $cmake" >&2
    exit 1
  fi
}

install_packages() {
  local command="apt-get update && apt-get install -y --no-install-recommends $*" as_root=""
  if ! command -v apt-get >/dev/null; then
    echo "linnet needs packages that are not installed. Under Debian's names they are: $*" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "linnet needs packages that are not installed. Please run:" >&2
      echo "  sudo sh -c '$command'" >&2
      exit 1
    fi
    as_root="sudo -n"
  fi
  echo "Installing $*"
  $as_root env DEBIAN_FRONTEND=noninteractive sh -c "$command"
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
  # shellcheck disable=SC2086 # one word per package
  install_packages $packages
  packages=$(missing_packages)
  if [ -n "$packages" ]; then
    echo "linnet still misses" $packages >&2
    exit 1
  fi
fi
check_versions
