"""convert/quantizer.py - hands a file to `linnet quantize`, which knows every type; never quantizes by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .errors import fail


def find_program(given: Path | None) -> Path:
    """The program as named, in LINNET_PROGRAM, in this package, in a build beside it, or on the PATH."""
    package = Path(__file__).resolve().parents[1]
    name = "linnet.exe" if os.name == "nt" else "linnet"
    candidates = [given, os.environ.get("LINNET_PROGRAM"), package / "bin" / name]
    candidates += [package.parents[1] / "build" / "release" / "linnet", shutil.which("linnet")]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    fail(
        "invalid_argument",
        "this type is made by the program linnet, which was not found; name it in LINNET_PROGRAM, "
        "or convert to f16 and run `linnet quantize` later",
    )


def require_type(program: Path, kind: str) -> None:
    """Raises invalid_argument for a type that the program does not know, before anything is written for it."""
    known = set(re.findall(r"\w+", run(program, "quantize", "--help").stdout.upper()))
    if not known & {kind, f"{kind}_M"}:
        fail("invalid_argument", f"{kind!r} is no type of weights; `linnet quantize --help` lists them")


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, run to its end. Where a signal ends this one, that one has removed what it was writing."""
    command, pipe = [str(program), *arguments], subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    except OSError as error:
        fail("io", f"cannot run {program}: {error.strerror}")
    try:
        out, errors = process.communicate()
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


def quantize(program: Path, source: Path, output: Path, kind: str) -> None:
    """Writes `output`, whole or not at all."""
    done = run(program, "quantize", str(source), str(output), kind)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        fail("invalid_argument", f"{program.name} quantize: {lines[-1]}")
