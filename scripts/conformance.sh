#!/bin/bash
# Writes docs/conformance.md: what linnet computes beside Transformers and the tokenizer packages. With --check writes
# nothing and fails on a row over the bar, or one that the document lacks. Other arguments: tests/reference/conformance.py.
# The references live in an environment of their own, build/conformance; PIP_ARGS adds to what pip is told, for example
# where it finds PyTorch without CUDA.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=build/conformance
requirements=tests/reference/requirements.txt
export LINNET_PROGRAM="${LINNET_PROGRAM:-$PWD/build/release/linnet}"

if [[ ! -x $LINNET_PROGRAM ]]; then
  echo "conformance: $LINNET_PROGRAM is missing; build it (make demo), or name it in LINNET_PROGRAM" >&2
  exit 1
fi
if ! cmp -s "$requirements" "$environment/installed.txt"; then
  echo "conformance: installing the references into $environment"
  python3 -m venv "$environment"
  # shellcheck disable=SC2086  # PIP_ARGS holds several arguments
  "$environment/bin/pip" install --quiet --disable-pip-version-check ${PIP_ARGS:-} -r "$requirements"
  cp "$requirements" "$environment/installed.txt"
fi
exec "$environment/bin/python" tests/reference/conformance.py "$@"
