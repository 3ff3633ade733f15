"""Low-rank adapters (LoRA): what a fine-tune adds to a model, kept beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Union

from . import _core
from ._errors import Error

if TYPE_CHECKING:
    from ._types import Path
    from .model import Model


class Adapter:
    """An adapter of one model, as a GGUF file describes it. Immutable: any number of sessions may use it.

    Example:
        >>> adapter = linnet.Adapter("pirate.gguf", model)
        >>> print(model.with_adapters([adapter]).generate("Good morning!").read())
    """

    def __init__(self, path: Path, model: Model) -> None:
        """Reads an adapter.

        Raises:
            Error: the file is malformed, is no adapter, or one of another model.
        """
        self._core = _core.Adapter(os.fspath(path), model._core)
        self._path = os.fspath(path)

    def __repr__(self) -> str:
        """What it is."""
        return f"<linnet.Adapter {self._path!r}: rank {self.rank}, {self.matrices} matrices>"

    @property
    def matrices(self) -> int:
        """Matrices of the model that it changes."""
        return self._core.matrices

    @property
    def rank(self) -> int:
        """The largest rank of what it adds to one."""
        return self._core.rank


AdapterUse = Union[Adapter, tuple[Adapter, float]]
"""An adapter, or one with its scale: 1 is what it was trained for, 0 nothing."""


def core_pairs(uses: Iterable[AdapterUse]) -> list[tuple[_core.Adapter, float]]:
    """What the compiled half takes."""
    pairs = []
    for use in uses:
        adapter, scale = use if isinstance(use, tuple) and len(use) == 2 else (use, 1.0)
        if not isinstance(adapter, Adapter):
            raise Error("invalid_argument", f"adapters: expected linnet.Adapter, found {type(adapter).__name__}")
        pairs.append((adapter._core, scale))
    return pairs
