"""convert/weight.py - a tensor that is read, rearranged and written row by row; never held in memory as a whole.

A Weight has a shape (rows x columns, or more leading axes) and a way to fetch any of its rows. A vector counts as rows
of one element. What the formats differ in - order of rows, fused or stacked matrices - is a new Weight over another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, TypeVar

import numpy as np
import numpy.typing as npt

from .safetensors import StoredTensor

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Blocks:
    """Rows that the checkpoint holds as 4-bit levels, in a GGUF type that holds the same."""

    type_name: str
    fetch: Callable[[Index], Bytes]  # row numbers [n] -> [n, bytes of a row]


@dataclass(frozen=True)
class Weight:
    """A tensor as its shape and a way to fetch rows of it."""

    shape: tuple[int, ...]
    fetch: Callable[[Index], Floats]  # row numbers [n] -> [n, columns]
    blocks: Blocks | None = None
    note: str = ""  # what a person should know about how it is converted

    @property
    def columns(self) -> int:
        """Elements of a row; 1 for a vector."""
        return self.shape[-1] if len(self.shape) > 1 else 1

    @property
    def rows(self) -> int:
        """Of all matrices together; of a vector its elements."""
        return math.prod(self.shape[:-1]) if len(self.shape) > 1 else self.shape[0]

    @property
    def elements(self) -> int:
        """All of them."""
        return math.prod(self.shape)

    def read_all(self) -> Floats:
        """The whole tensor, for small ones and for tests."""
        return self.fetch(np.arange(self.rows)).reshape(self.shape)

    def pick(self, order: Index) -> Weight:
        """The rows order[0], order[1], ... of a matrix or vector."""
        blocks = self.blocks and Blocks(self.blocks.type_name, _pick(self.blocks.fetch, order))
        return Weight((len(order), *self.shape[1:]), _pick(self.fetch, order), blocks, self.note)

    def part(self, first: int, last: int) -> Weight:
        """Rows [first, last)."""
        return self.pick(np.arange(first, last))

    def halves(self) -> tuple[Weight, Weight]:
        """The first and second half along the last axis but one (of each matrix where several are stacked)."""
        height = self.shape[-2]
        numbers = np.arange(self.rows).reshape(-1, 2, height // 2)
        shape = (*self.shape[:-2], height // 2, self.columns)
        first, second = (self.pick(numbers[:, i].ravel()).reshape(shape) for i in (0, 1))
        return first, second

    def reshape(self, shape: tuple[int, ...]) -> Weight:
        """Other leading axes over the same rows."""
        return Weight(shape, self.fetch, self.blocks, self.note)

    def map(self, function: Callable[[Floats], Floats]) -> Weight:
        """`function` of every element."""
        return Weight(self.shape, lambda rows: function(self.fetch(rows)))


T = TypeVar("T", bound=np.generic)


def _pick(fetch: Callable[[Index], npt.NDArray[T]], order: Index) -> Callable[[Index], npt.NDArray[T]]:
    return lambda rows: fetch(order[rows])


def from_stored(tensor: StoredTensor) -> Weight:
    """A tensor of a checkpoint."""
    columns = tensor.shape[-1] if len(tensor.shape) > 1 else 1

    def fetch(rows: Index) -> Floats:
        if len(rows) == 0:
            return np.empty((0, columns), np.float32)
        first, last = int(rows.min()), int(rows.max()) + 1
        values = tensor.read_floats(first * columns, last * columns).reshape(-1, columns)
        return values if len(rows) == last - first and (np.diff(rows) == 1).all() else values[rows - first]

    return Weight(tensor.shape or (1,), fetch)


def from_array(values: npt.NDArray[np.float32]) -> Weight:
    """A tensor that was computed."""
    return Weight(values.shape, lambda rows: values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)[rows])


def concatenate(parts: Sequence[Weight]) -> Weight:
    """The rows of all parts, one after the other. They stay blocks where all are of one type."""
    counts = [part.rows for part in parts]
    kinds = {part.blocks.type_name if part.blocks else None for part in parts}
    kind = kinds.pop() if len(kinds) == 1 else None
    blocks = Blocks(kind, _join([part.blocks.fetch for part in parts if part.blocks], counts)) if kind else None
    note = next((part.note for part in parts if part.note), "")
    return Weight((sum(counts), *parts[0].shape[1:]), _join([part.fetch for part in parts], counts), blocks, note)


def _join(
    fetches: Sequence[Callable[[Index], npt.NDArray[T]]], counts: Sequence[int]
) -> Callable[[Index], npt.NDArray[T]]:
    starts = np.cumsum([0, *counts])

    def fetch(rows: Index) -> npt.NDArray[T]:
        owner = np.searchsorted(starts, rows, side="right") - 1
        masks = [owner == i for i in np.unique(owner)]
        pieces: list[npt.NDArray[T]] = [fetches[owner[here][0]](rows[here] - starts[owner[here]]) for here in masks]
        if len(pieces) == 1:
            return pieces[0]
        out = np.empty((len(rows), pieces[0].shape[1]), pieces[0].dtype)
        for here, values in zip(masks, pieces):
            out[here] = values
        return out

    return fetch


def stack(parts: Sequence[Weight]) -> Weight:
    """Matrices of one shape under a new leading axis."""
    return concatenate(parts).reshape((len(parts), *parts[0].shape))
