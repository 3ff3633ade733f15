"""convert/errors.py - what goes wrong in a conversion, said in one line; never catches anything."""

from __future__ import annotations

from typing import NoReturn

try:
    from .._errors import Error as Error  # of the installed package
except ImportError:  # run from its folder, without the package around it

    class Error(Exception):  # type: ignore[no-redef]
        """As linnet.Error."""

        def __init__(self, code: str, text: str) -> None:
            """Makes an error of this code with this text."""
            super().__init__(text)
            self.code = code


def fail(code: str, text: str) -> NoReturn:
    """Raises an Error: io, bad_model (a checkpoint that contradicts itself), unsupported or invalid_argument."""
    raise Error(code, text)
