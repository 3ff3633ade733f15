#!/bin/bash
# demo.sh PROGRAM MODEL - the main job, shown: a story, and a home command answered as JSON. Prints what it runs.
set -euo pipefail
program=${1:?usage: demo.sh PROGRAM MODEL}
model=${2:?usage: demo.sh PROGRAM MODEL}

# Runs the program, showing the command as one would type it.
show() {
  printf '\n$ %s' "$program"
  for word in "$@"; do
    case $word in *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  "$program" "$@" 2>&1
}

show run -m "$model" -p "One morning, a small fox named Pip" -n 200 --temp 0 --stats
show run -m "$model" --chat -p "dim the kitchen lights to 30 percent" --temp 0 --stats
