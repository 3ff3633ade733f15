#!/bin/bash
# summarise-tests.sh BUILD_FOLDER... - one line with ctest's own verdict on the last run in each, from the log left there.
set -euo pipefail
lines=()
for folder in "$@"; do
  verdict=$(grep -E '^[0-9]+% tests passed' "$folder/tests.log" | tail -n 1)
  skipped=$(grep -cE '^\s+[0-9]+ - .*\(Skipped\)$' "$folder/tests.log" || true)
  lines+=("${folder##*/}: $verdict, $skipped skipped")
done
printf '%s' "${lines[0]}"
printf '; %s' "${lines[@]:1}"
printf '\n'
