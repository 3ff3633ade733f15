#!/bin/bash
# check-format.sh - fails when a C++ file is not as clang-format 14 writes it; with --fix, writes it so. Other versions of
# clang-format write some lines differently, so none but 14 is asked.
set -euo pipefail
cd "$(dirname "$0")/.."
formatter=$(command -v clang-format-14 || true)
if [ -z "$formatter" ]; then
  echo "format: skipped, clang-format-14 is not installed"
  exit 0
fi
mapfile -t files < <(find include kernels src tests benchmarks examples python -regex '.*\.[hic]pp' 2>/dev/null | sort)
if [ "${1:-}" = --fix ]; then
  "$formatter" -i "${files[@]}"
  echo "format: wrote ${#files[@]} files"
  exit 0
fi
mapfile -t wrong < <(for file in "${files[@]}"; do "$formatter" "$file" | cmp -s - "$file" || echo "$file"; done)
if [ ${#wrong[@]} -ne 0 ]; then
  printf '%s\n' "${wrong[@]}"
  echo "format: ${#wrong[@]} of ${#files[@]} files are not as clang-format writes them; make format does it"
  exit 1
fi
echo "format: ${#files[@]} files are as clang-format writes them"
