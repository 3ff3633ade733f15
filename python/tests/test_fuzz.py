"""Random arguments to everything public. Whatever they are, the interpreter lives and the errors are ours.

A few seconds by default; `pytest --fuzz-seconds 60` goes on for a minute. The calls run in a process of their own,
so that a crash is found as one, with the seed and the last call that was begun.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

FUZZER = pathlib.Path(__file__).with_name("fuzz_bindings.py")


def test_random_arguments(request: pytest.FixtureRequest, model_path: str, tmp_path: pathlib.Path) -> None:
    seconds = request.config.getoption("--fuzz-seconds")
    log = tmp_path / "last-call"
    ran = subprocess.run(
        [sys.executable, str(FUZZER), model_path, str(tmp_path), str(seconds), str(log)],
        cwd=tmp_path,  # files are written under strange names
        capture_output=True,
        text=True,
        timeout=float(seconds) + 600,
    )
    last = log.read_text(errors="replace") if log.exists() else "none"
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}\nlast call: {last}"
    assert "calls" in ran.stdout
    print(ran.stdout.strip())
