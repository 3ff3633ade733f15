#!/bin/bash
# test-arm.sh - builds linnet for 64-bit Arm and runs it under QEMU: every kernel of every instruction set against
# float64 and the scalar reference, logits against Transformers', and greedy texts of the bundled models.
# Where the cross compiler, QEMU or the libraries cannot be had, it says that nothing was tested.
set -euo pipefail
cd "$(dirname "$0")/.."
sets=(neon_i8mm neon_dotprod neon scalar)

if [ "$(uname -m)" = aarch64 ]; then
  echo "arm: this machine is one: make test-release tests all of it natively"
  exit
fi
if ! { scripts/install-deps.sh arm64 && scripts/arm64-sysroot.sh; }; then
  echo "arm: SKIPPED, nothing was built or tested for Arm: see above for what is missing"
  exit
fi
jobs=$(scripts/jobs.sh)
build=build/arm64
cmake --preset arm64 >/dev/null
cmake --build --preset arm64 --target kernels_test model_test linnet_cli --parallel "$jobs"

# Runs a program of the build on a kind of processor that QEMU knows; max is all that it can do.
on_cpu() {
  local cpu=$1 program=$2
  shift 2
  QEMU_CPU=$cpu qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/$program" "$@"
}

# The share of the tests that falls to each of `jobs` processes.
run_shards() {
  local shard failed=0 pids=()
  for ((shard = 0; shard < jobs; ++shard)); do
    GTEST_TOTAL_SHARDS=$jobs GTEST_SHARD_INDEX=$shard on_cpu max "$@" --gtest_brief=1 | sed '/^Running main/d' &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}

# What QEMU takes minutes for and others show: the bits of every packed product are compared with the scalar reference's,
# so that one set is compared with float64; and the float kernels are one code for all sets.
packed=*IsTheProductOfWhatTheBytesSay floats=*AgreesWithFloat64
slow=$packed/scalar*:$packed/neon_Q*:$packed/neon_IQ*:$packed/neon_MX*:$packed/neon_i8mm*
slow+=:$floats/scalar*:$floats/neon_dotprod*:$floats/neon_i8mm*
echo "arm: kernels of every instruction set"
run_shards tests/kernels_test --gtest_filter="*-$slow"
for set in "${sets[@]}"; do
  echo "arm: logits and greedy tokens of every architecture, $set"
  LINNET_ISA=$set run_shards tests/model_test --gtest_filter='*Conformance*'
done

echo "arm: greedy texts of the bundled models"
for model in examples/tiny/models/*.gguf; do
  expected=""
  for set in "${sets[@]}"; do
    text=$(LINNET_ISA=$set on_cpu max linnet run -m "$model" -p "Once upon a time" -n 32 --temp 0)
    if [ -n "$expected" ] && [ "$text" != "$expected" ]; then
      printf 'arm: %s writes otherwise with %s than with %s:\n%s\n---\n%s\n' \
             "$model" "$set" "${sets[0]}" "$text" "$expected" >&2
      exit 1
    fi
    expected=$text
  done
  echo "arm: ${model##*/} writes the same with ${sets[*]}"
done

# A processor without some of them uses what it has, and names it when asked for more.
expect_sets() {
  local cpu=$1 expected=$2 known message
  known=$(qemu-aarch64 -cpu help) || true  # some versions print the list and exit with 1
  if ! grep -qw "$cpu" <<<"$known"; then
    echo "arm: SKIPPED on $cpu, which this QEMU does not know"
    return
  fi
  on_cpu "$cpu" linnet run -m examples/tiny/models/tiny-llama.gguf -p Once -n 4 --temp 0 >/dev/null
  message=$(LINNET_ISA=neon_i8mm on_cpu "$cpu" linnet run -m examples/tiny/models/tiny-llama.gguf -p Once -n 4 2>&1) &&
    { echo "arm: $cpu ran neon_i8mm, which it does not have" >&2; exit 1; }
  if [[ $message != *"this machine can run: $expected" ]]; then
    printf 'arm: on %s expected an error naming "%s", found:\n%s\n' "$cpu" "$expected" "$message" >&2
    exit 1
  fi
  echo "arm: $cpu runs $expected, and nothing else"
}
expect_sets cortex-a53 "neon, scalar"
expect_sets neoverse-n1 "neon_dotprod, neon, scalar"
echo "arm: all passed"
