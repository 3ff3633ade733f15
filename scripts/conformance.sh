#!/bin/bash
# conformance.sh - writes docs/conformance.md: what linnet computes beside Transformers and the tokenizer packages.
#
# Usage: scripts/conformance.sh [--check] [--only NAME ...] [--strings N]        PYTHON=python3.12 chooses the interpreter
#
# With --check writes nothing and fails on a row over the bar, or one that the document lacks; where the references
# cannot be had it then says "skipped" and why. They live in an environment of their own, build/conformance. PIP_ARGS adds
# to what pip is told, for example --extra-index-url of a registry that has PyTorch without CUDA.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
environment=build/conformance
requirements=tests/reference/requirements.txt
export LINNET_PROGRAM="${LINNET_PROGRAM:-$PWD/build/release/linnet}"
export TQDM_DISABLE=1 TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1

check=
for argument in "$@"; do [[ $argument != --check ]] || check=yes; done

lacks() {
  if [[ $check ]]; then
    echo "conformance: skipped, $1"
    exit 0
  fi
  echo "conformance: $1" >&2
  exit 1
}

# Makes the environment; where that fails, the last line says why.
install() {
  "$python" -m venv --clear "$environment" 2>&1 || return 1
  # Of the many files of these packages few are run: they are compiled when they are.
  # shellcheck disable=SC2086  # PIP_ARGS holds several arguments
  timeout 480 "$environment/bin/pip" install -qq --no-compile --disable-pip-version-check --retries 1 --timeout 30 ${PIP_ARGS:-} \
    -r "$requirements" 2>&1 || { test $? -ne 124 || echo "pip took more than 8 minutes"; return 1; }
}

if [[ ! -x $LINNET_PROGRAM ]]; then
  echo "conformance: $LINNET_PROGRAM is missing; build it (make demo), or name it in LINNET_PROGRAM" >&2
  exit 1
fi
command -v "$python" >/dev/null || lacks "there is no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  lacks "$("$python" --version) is older than 3.11, which the references need (PYTHON=python3.12 names another)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "$python cannot make environments (apt: python3-venv)"
if ! cmp -s "$requirements" "$environment/installed.txt"; then
  echo "conformance: installing the references into $environment"
  said=$(install) || lacks "the references could not be installed: $(tail -n 1 <<<"$said")"
  cp "$requirements" "$environment/installed.txt"
fi
exec "$environment/bin/python" tests/reference/conformance.py "$@"
