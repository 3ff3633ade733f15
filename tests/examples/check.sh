#!/bin/bash
# check.sh CHECK ARGUMENTS... - one test of an example or of a way to take linnet in. Writes only into the folder given.
set -euo pipefail
prompt="Once upon a time"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# prints_text PROGRAM ARGUMENTS...: succeeds, and prints something.
prints_text() {
  local text
  text=$("$@")
  echo "$text"
  [ -n "${text//[[:space:]]/}" ] || fail "$1 printed nothing"
}

# fails_with_one_line PROGRAM ARGUMENTS...: exit code 1, nothing on stdout, one line on stderr.
fails_with_one_line() {
  local errors code=0
  errors=$("$@" 2>&1 >/dev/null) || code=$?
  echo "$errors"
  [ $code -eq 1 ] || fail "expected exit code 1, got $code"
  [ "$(grep -c . <<<"$errors")" -eq 1 ] || fail "expected one line on stderr"
}

# answers EXPECTED PROGRAM MODEL: the answer to a command holds the text.
answers() {
  local answer
  answer=$(echo "dim the kitchen lights to 30 percent" | "$2" "$3")
  echo "$answer"
  grep -qF -- "$1" <<<"$answer" || fail "expected $1"
}

# same_output PROGRAM REFERENCE MODEL: both print the same, and something.
same_output() {
  local expected printed
  expected=$("$2" "$3" "$prompt")
  printed=$("$1" "$3" "$prompt")
  echo "$printed"
  [ -n "${printed//[[:space:]]/}" ] || fail "$1 printed nothing"
  [ "$printed" = "$expected" ] || fail "$2 prints: $expected"
}

# install BUILD PREFIX: into a folder without what an earlier version left there.
install() {
  rm -rf "$2"
  "$CMAKE" --install "$1" --prefix "$2" >/dev/null
  [ -x "$2/bin/linnet" ] || [ ! -e "$1/linnet" ] || fail "the program was not installed"
}

# cmake_project SOURCE WORK PREFIX REFERENCE MODEL PROGRAM...: configures, builds and runs a project.
cmake_project() {
  local source=$1 work=$2 prefix=$3 reference=$4 model=$5
  shift 5
  "$CMAKE" -S "$source" -B "$work" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_BUILD_TYPE=Release \
    -DLINNET_WARNINGS_AS_ERRORS=ON -DCMAKE_PREFIX_PATH="$prefix"
  "$CMAKE" --build "$work" --parallel 2
  for program in "$@"; do same_output "$work/$program" "$reference" "$model"; done
}

# makefile SOURCE WORK LIBDIR REFERENCE MODEL: builds with make and pkg-config, anew each time: make knows no libraries.
makefile() {
  mkdir -p "$2"
  make -B -C "$2" -f "$1/Makefile" VPATH="$1" CXX="$CXX" CXXFLAGS="-std=c++20 -O1" PKG_CONFIG_PATH="$3/pkgconfig" logits
  LD_LIBRARY_PATH=$3 same_output "$2/logits" "$4" "$5"  # for a shared library; a static one needs no path
}

# header_only SOURCE WORK INCLUDE REFERENCE MODEL: a plain compiler call. A second file that includes linnet shows that
# the headers may be in any number of files of a program.
header_only() {
  mkdir -p "$2"
  echo '#include <linnet/linnet.hpp>
        std::string_view second_file() { return linnet::kernels::active().isa; }' >"$2/second.cpp"
  "$CXX" -std=c++20 -O1 -Wall -Wextra -Werror -ffp-contract=off -fopenmp -DLINNET_HEADER_ONLY -I "$3" \
    "$1/main.cpp" "$2/second.cpp" -lutf8proc -o "$2/header-only"
  same_output "$2/header-only" "$4" "$5"
}

# own_kernel PROGRAM: its kernels are right, and measured beside the library's.
own_kernel() {
  local figures
  figures=$("$1" --short --csv)
  echo "$figures"
  for row in "matmul,Q8_0,mine" "matmul,TERNARY,mine" "packed_matmul,Q8_0,"; do
    grep -q "^$row" <<<"$figures" || fail "expected a row of $row"
  done
  ! "$1" --no-such-option >/dev/null 2>&1 || fail "an unknown option was taken"
}

# own_project SOURCE WORK PREFIX: the same from a copy of the folder, which knows only the installed library.
own_project() {
  rm -rf "$2"
  mkdir -p "$2"
  cp -r "$1" "$2/source"
  "$CMAKE" -S "$2/source" -B "$2/build" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_PREFIX_PATH="$3"
  "$CMAKE" --build "$2/build"
  own_kernel "$2/build/my_kernel"
}

"$@"
