"""convert/errors.py - what goes wrong in a conversion, said in one line; never catches anything."""

from __future__ import annotations

from typing import NoReturn


class ConvertError(Exception):
    """A conversion that cannot be done. The text says what, where, expected, found, and what to do.

    `code` is one of linnet's error codes: "io", "bad_model" (a checkpoint that contradicts itself), "unsupported"
    (a sound one that linnet cannot convert), "invalid_argument" or "cancelled".
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def fail(code: str, text: str) -> NoReturn:
    raise ConvertError(code, text)
