"""The command `linnet`, as pip installs it: the C++ program, and `linnet convert`, which is Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "linnet")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command. Returns its exit code, or becomes the program and never returns."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["convert"]:
        return _convert(arguments[1:])
    program = PROGRAM + (".exe" if os.name == "nt" else "")
    if not os.path.exists(program):
        print(f"linnet: the program is missing at {program}; install the package with pip", file=sys.stderr)
        return 1
    if os.name == "nt":  # there is no exec that keeps the terminal
        return subprocess.call([program, *arguments])
    os.execv(program, ["linnet", *arguments])


def _convert(arguments: Sequence[str]) -> int:
    """Runs `linnet convert`."""
    try:
        from .convert import main as convert
    except ImportError as error:
        print(f"linnet convert: not available in this installation: {error}", file=sys.stderr)
        print("install it with: pip install 'linnet[convert]'", file=sys.stderr)
        return 1
    return int(convert(list(arguments)) or 0)


if __name__ == "__main__":
    sys.exit(main())
