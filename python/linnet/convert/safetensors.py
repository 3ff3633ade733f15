"""convert/safetensors.py - reads tensors of .safetensors files piece by piece; never trusts a header.

The format: eight bytes with the length of a JSON header, the header (name -> dtype, shape, data_offsets), the data.
Source: github.com/huggingface/safetensors, README.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .errors import fail

MAX_HEADER = 100_000_000  # bytes; the format's own limit

# By the format's name of a type. BF16 has none in NumPy: its bits are read, and widened by as_float32().
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
FLOATS = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies. `begin` and `end` count bytes from the start of the file."""

    shard: Shard
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def is_float(self) -> bool:
        """Whether its values are floats rather than packed levels or indices."""
        return self.dtype in FLOATS

    def read(self, first: int, last: int) -> npt.NDArray[Any]:
        """Elements [first, last) of the flattened tensor, as they are stored."""
        dtype = DTYPES[self.dtype]
        data = self.shard.read_bytes(self.begin + first * dtype.itemsize, (last - first) * dtype.itemsize)
        return np.frombuffer(data, dtype)

    def read_all(self) -> npt.NDArray[Any]:
        """The whole tensor in its shape."""
        return self.read(0, math.prod(self.shape)).reshape(self.shape)

    def read_floats(self, first: int, last: int) -> npt.NDArray[np.float32]:
        """The same as float32: exact but for F64."""
        return as_float32(self.read(first, last), self.dtype)


def as_float32(values: npt.NDArray[Any], dtype: str) -> npt.NDArray[np.float32]:
    """Stored values as floats; those of BF16 are its bits."""
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


class Shard:
    """One file. Its directory is read and checked at once, its data when asked for."""

    def __init__(self, path: Path) -> None:
        """Opens the file, and reads and checks its directory."""
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
            self._size = path.stat().st_size
        except OSError as error:
            fail("io", f"cannot read {path}: {error.strerror}; is the download complete?")
        self.tensors = {name: self._locate(name, entry) for name, entry in self._read_header().items()}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read_bytes(self, begin: int, count: int) -> bytes:
        """Exactly `count` bytes; raises io where the file has fewer."""
        self._file.seek(begin)
        data = self._file.read(count)
        if len(data) != count:
            fail("io", f"{self.path}: expected {count} bytes at {begin}, found {len(data)}; did the file change?")
        return data

    def _corrupt(self, what: str) -> Any:
        fail("bad_model", f"{self.path} is corrupt: {what}; download it again")

    def _read_header(self) -> dict[str, Any]:
        if self._size < 8:
            self._corrupt(f"{self._size} bytes are too few for a header")
        length = int.from_bytes(self.read_bytes(0, 8), "little")
        if length > MAX_HEADER or 8 + length > self._size:
            self._corrupt(f"a header of {length} bytes does not fit into its {self._size} bytes")
        self._data = 8 + length
        try:
            header = json.loads(self.read_bytes(8, length))
        except (ValueError, RecursionError) as error:
            self._corrupt(f"its header is no JSON ({error})")
        if not isinstance(header, dict):
            self._corrupt("its header is no JSON object")
        header.pop("__metadata__", None)
        return dict(header)

    def _locate(self, name: str, entry: Any) -> StoredTensor:
        try:
            dtype, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        except (TypeError, KeyError, ValueError):
            self._corrupt(f"tensor {name!r} lacks a dtype, shape or data_offsets")
        if not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
            self._corrupt(f"tensor {name!r} has shape {shape} and data_offsets {first}, {last}")
        if dtype not in DTYPES:
            fail("unsupported", f"{self.path}: tensor {name!r} is of type {dtype}; linnet reads {', '.join(DTYPES)}")
        size = math.prod(shape) * DTYPES[dtype].itemsize
        if last - first != size or self._data + last > self._size:
            self._corrupt(
                f"tensor {name!r} of {size} bytes is said to lie at {first} to {last} "
                f"of {self._size - self._data} bytes of data"
            )
        return StoredTensor(self, name, dtype, shape, self._data + first, self._data + last)
