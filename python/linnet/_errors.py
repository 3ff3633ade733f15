"""The package's one exception. Raised by the compiled half, too."""

from __future__ import annotations


class Error(Exception):
    """What went wrong: ``code`` for programs, the text (``str(error)``) for people.

    The text says what, where, what was expected and found, and what to do.

    Attributes:
        code: ``"io"``, ``"out_of_memory"``, ``"invalid_argument"``, ``"unsupported"``, ``"bad_model"``,
            ``"context_full"``, ``"cancelled"``, or the fault of a malformed GGUF file: ``"truncated"``,
            ``"magic"``, ``"bounds"``, ...
    """

    code: str

    def __init__(self, code: str, text: str) -> None:
        """Makes an error of this code with this text."""
        super().__init__(code, text)  # both: a pickled error is made again from them
        self.code = code

    def __str__(self) -> str:
        """The text alone."""
        return str(self.args[1])
