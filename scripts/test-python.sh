#!/bin/bash
# test-python.sh - installs the Python package as a user would, into an environment of its own under build/, and runs its
# tests there. Reaches nothing but package registries. Says what was skipped, and why. Never touches another environment.
#
# Usage: scripts/test-python.sh [PYTEST ARGUMENTS]       PYTHON=python3.12 chooses the interpreter
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

skip() {
  echo "python: skipped, $1"
  exit 0
}

# What cannot be tested here is said, not failed: linnet itself needs no Python.
command -v "$python" >/dev/null || skip "there is no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "$("$python" --version) is older than 3.9"
"$python" -c 'import ensurepip, venv' 2>/dev/null || skip "$python cannot make virtual environments (apt: python3-venv)"
printf '#include <Python.h>\n' | ${CXX:-g++} -E -x c++ - -o /dev/null \
  "-I$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')" 2>/dev/null ||
  skip "the headers of $python are missing (apt: python3-dev)"

environment=build/python-tests/$("$python" -c 'import sys; print("venv-%d.%d" % sys.version_info[:2])')
test -x "$environment/bin/python" || "$python" -m venv "$environment"
pip=("$environment/bin/python" -m pip --disable-pip-version-check --quiet)
if ! "$environment/bin/python" -c 'import scikit_build_core, pybind11, numpy, pytest, matplotlib' 2>/dev/null; then
  "${pip[@]}" download --no-deps --dest build/python-tests/probe pytest >/dev/null 2>&1 ||
    skip "no package registry can be reached"
  "${pip[@]}" install --no-compile scikit-build-core pybind11 numpy pytest matplotlib
fi

# The same warnings are errors as in the release build, whose objects a compiler cache can then give back.
source scripts/compiler-cache.sh
"${pip[@]}" install --no-build-isolation --no-deps --force-reinstall . \
  --config-settings=build-dir="build/python-tests/{wheel_tag}" \
  --config-settings=cmake.define.LINNET_WARNINGS_AS_ERRORS=ON

# Exact versions: others may ask for other things.
if "${pip[@]}" install ruff==0.17.6 mypy==2.4.1 2>/dev/null; then
  "$environment/bin/ruff" check --quiet
  "$environment/bin/ruff" format --check --quiet
  "$environment/bin/mypy"
else
  echo "python: ruff and mypy skipped, the versions that they are run in are not to be had for $("$python" --version)"
fi
"$environment/bin/python" -m pytest python/tests -q "$@"
