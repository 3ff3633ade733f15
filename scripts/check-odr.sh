#!/bin/bash
# check-odr.sh - fails when an instruction set's object shares a weak function with any other object of the library: the
# linker keeps one copy for all callers, perhaps one that this machine cannot run. Data may be shared.
# Usage: [NM=nm] check-odr.sh BUILD_FOLDER
set -euo pipefail

# The objects of the library whose paths match, or do not: kernels for one instruction set, and the quantizer's.
for_one_set='/linnet_isa_[^/]*\.dir/|/quant/avx2\.cpp\.o$'
objects() {
  find "$1/CMakeFiles" -name '*.o' |
    grep -E '/linnet_(isa_|(base|gguf|quant|kernels|laboratory|text|model|sampling|runtime)\.dir/)' |
    grep "${@:2}" -E "$for_one_set" | sort
}
mapfile -t sets < <(objects "${1:?usage: check-odr.sh BUILD_FOLDER}")
mapfile -t others < <(objects "$1" -v)
if [ ${#sets[@]} -lt 2 ]; then
  echo "odr: $1 holds ${#sets[@]} instruction-set objects, expected 2 or more; build it first" >&2
  exit 1
fi

# "function<tab>object" for the weak functions that an object defines.
weak_functions() {
  for object in "$@"; do
    "${NM:-nm}" --demangle --defined-only "$object" | awk -v object="${object##*/}" '
      $2 == "W" { $1 = $2 = ""; sub(/^ +/, ""); print $0 "\t" object }' | sort -u
  done
}

shared=$({ weak_functions "${sets[@]}" | sed 's/$/\tset/'; weak_functions "${others[@]}"; } | awk -F '\t' '
  { objects[$1] = objects[$1] " " $2; count[$1]++ }
  $3 == "set" { in_set[$1] = 1 }
  END { for (symbol in in_set) if (count[symbol] > 1) print symbol ":" objects[symbol] }' | sort)

if [ -n "$shared" ]; then
  echo "odr: weak functions that an instruction-set object shares (mark the functions LINNET_ALWAYS_INLINE):" >&2
  echo "$shared" >&2
  exit 1
fi
echo "odr: ${#sets[@]} instruction-set objects share no weak function with each other or with ${#others[@]} others"
