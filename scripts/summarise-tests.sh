#!/bin/bash
# summarise-tests.sh BUILD_FOLDER... - for each one line: ctest's own verdict on the last run in it, from the log left
# there, and what GoogleTest counted (where several tests share a process, ctest counts processes).
set -euo pipefail

# The sum of the numbers that a pattern captures in the output of all tests.
sum() { sed -nE "s/$2/\1/p" "$1/Testing/Temporary/LastTest.log" | awk '{ total += $1 } END { print total + 0 }'; }

for folder in "$@"; do
  verdict=$(grep -E '^[0-9]+% tests passed' "$folder/tests.log" | tail -n 1)
  ran=$(sum "$folder" '^\[==========\] ([0-9]+) tests? from .* ran\..*')
  skipped=$(sum "$folder" '^\[  SKIPPED \] ([0-9]+) tests?[.,].*')
  echo "${folder##*/}: $verdict; GoogleTest's: $ran, of which $skipped skipped"
done
