#!/bin/bash
# check-odr.sh - fails when an instruction set's object shares a weak symbol with any other object of the library: the
# linker keeps one copy for all callers, perhaps one that this machine cannot run. Usage: [NM=nm] check-odr.sh BUILD_FOLDER
set -euo pipefail

objects_of() { find "$1/CMakeFiles" -name '*.o' | grep -E "/$2[^/]*\.dir/" | sort; }
mapfile -t sets < <(objects_of "${1:?usage: check-odr.sh BUILD_FOLDER}" linnet_isa_)
mapfile -t others < <(objects_of "$1" 'linnet_(base|gguf|quant|kernels|laboratory|text|model|sampling|runtime)')
if [ ${#sets[@]} -lt 2 ]; then
  echo "odr: $1 holds ${#sets[@]} instruction-set objects, expected 2 or more; build it first" >&2
  exit 1
fi

# "symbol<tab>object" for the weak symbols that an object defines.
weak_symbols() {
  for object in "$@"; do
    "${NM:-nm}" --demangle --defined-only "$object" | awk -v object="${object##*/}" '
      $2 ~ /^[WVu]$/ { $1 = $2 = ""; sub(/^ +/, ""); print $0 "\t" object }' | sort -u
  done
}

shared=$({ weak_symbols "${sets[@]}" | sed 's/$/\tset/'; weak_symbols "${others[@]}"; } | awk -F '\t' '
  { objects[$1] = objects[$1] " " $2; count[$1]++ }
  $3 == "set" { in_set[$1] = 1 }
  END { for (symbol in in_set) if (count[symbol] > 1) print symbol ":" objects[symbol] }' | sort)

if [ -n "$shared" ]; then
  echo "odr: weak symbols that an instruction-set object shares (mark the functions LINNET_ALWAYS_INLINE):" >&2
  echo "$shared" >&2
  exit 1
fi
echo "odr: ${#sets[@]} instruction-set objects share no weak symbol with each other or with ${#others[@]} others"
