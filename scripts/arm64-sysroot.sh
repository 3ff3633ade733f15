#!/bin/bash
# arm64-sysroot.sh - unpacks the libraries that linnet is built with, for 64-bit Arm, into build/arm64-sysroot. Uses
# apt's sources with lists of its own there: installs nothing, changes nothing of the system, and needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."
sysroot=$PWD/build/arm64-sysroot
packages=(libeigen3-dev libxsimd-dev libgtest-dev libutf8proc-dev nlohmann-json3-dev libcli11-dev)
[ -e "$sysroot/complete" ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "arm64-sysroot: needs apt-get to fetch ${packages[*]} for arm64" >&2
  exit 1
fi

apt=$sysroot/apt
mkdir -p "$apt"/{lists/partial,archives/partial}
: >"$apt/status"
options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$apt/lists"
         -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" -o APT::Sandbox::User=root)
# Ubuntu keeps its Arm packages on a server of their own.
# shellcheck disable=SC1091
. /etc/os-release
if [ "$ID" = ubuntu ]; then
  echo "deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] http://ports.ubuntu.com/ubuntu-ports" \
       "$VERSION_CODENAME main universe" >"$apt/sources.list"
  options+=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=-)
fi

echo "Fetching ${packages[*]} for arm64 into build/arm64-sysroot"
apt-get -qq "${options[@]}" update
(cd "$apt/archives" && apt-get -qq "${options[@]}" download "${packages[@]}")
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
rm -r "$apt"
touch "$sysroot/complete"
