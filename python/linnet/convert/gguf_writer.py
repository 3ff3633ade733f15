"""convert/gguf_writer.py - writes a GGUF file in one stream, whole or not at all; never holds a tensor in memory.

Layout: header, keys, directory of tensors, each tensor's data at the next multiple of 32. Source: GGUF specification.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Union

import numpy as np
import numpy.typing as npt

from .errors import fail
from .tensor_types import TensorType

ALIGNMENT = 32
VERSION = 3

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10  # the format's numbers of value types


class Wide(int):
    """An integer that is written as 64 bits; others are written as 32."""


Value = Union[bool, int, float, str, Sequence[str], Sequence[int], Sequence[float], "npt.NDArray[Any]"]
Keys = Mapping[str, Value]


@dataclass(frozen=True)
class OutputTensor:
    """A tensor to write. `shape` is NumPy's order: the last axis is contiguous, GGUF's first dimension."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    chunks: Callable[[], Iterator[npt.NDArray[np.uint8]]]  # its data, in order

    @property
    def bytes(self) -> int:
        """Of its data in the file, padding excluded."""
        rows = int(np.prod(self.shape[:-1], dtype=np.int64))
        return rows * self.type.row_bytes(self.shape[-1])


def write_gguf(path: Path, keys: Keys, tensors: Sequence[OutputTensor], progress: Callable[[int], None]) -> None:
    """Writes PATH.part, then renames it: PATH is as it was, or whole. Calls progress(bytes) as it goes."""
    part = path.with_name(path.name + ".part")
    try:
        check_room(path, sum(tensor.bytes for tensor in tensors))
        with part.open("wb") as file:
            _write(file.write, keys, tensors, progress)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _make_durable(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        fail("io", f"cannot write {path}: {error.strerror or error}; free some space or write elsewhere")
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def check_room(path: Path, size: int) -> None:
    """Refuses what is known before the first byte to be impossible."""
    if path.exists() and not path.is_file():
        fail("io", f"cannot write {path}: it exists and is no file; choose another name")
    if not path.parent.is_dir():
        fail("io", f"cannot write {path}: there is no folder {path.parent}")
    if not hasattr(os, "statvfs"):
        return
    room = os.statvfs(path.parent)
    available = room.f_bavail * room.f_frsize
    if size > available:
        fail(
            "io",
            f"cannot write {path}: it will have {size} bytes, and the disk has {available} left; "
            "free some or write elsewhere",
        )


def _make_durable(folder: Path) -> None:
    """The new name is durable once the folder is. A system that cannot do that has done what it can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def _write(
    write: Callable[[Any], Any], keys: Keys, tensors: Sequence[OutputTensor], progress: Callable[[int], None]
) -> None:
    head = b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(keys))
    head += b"".join(_string(key) + _typed_value(key, value) for key, value in keys.items())
    offset = 0
    for tensor in tensors:
        head += _string(tensor.name) + struct.pack("<I", len(tensor.shape))
        head += struct.pack(f"<{len(tensor.shape)}Q", *reversed(tensor.shape))
        head += struct.pack("<IQ", tensor.type.id, offset)
        offset += tensor.bytes + _padding(tensor.bytes)
    write(head + bytes(_padding(len(head))))
    for tensor in tensors:
        written = 0
        for chunk in tensor.chunks():
            write(np.ascontiguousarray(chunk).data)
            written += chunk.nbytes
            progress(chunk.nbytes)
        if written != tensor.bytes:
            raise AssertionError(f"{tensor.name}: {written} bytes written, {tensor.bytes} announced")
        write(bytes(_padding(written)))


def _padding(size: int) -> int:
    return -size % ALIGNMENT


def _string(text: str) -> bytes:
    data = text.encode("utf-8", errors="surrogateescape")
    return struct.pack("<Q", len(data)) + data


def _typed_value(key: str, value: Value) -> bytes:
    kind, data = _value(key, value)
    return struct.pack("<I", kind) + data


def _value(key: str, value: Value) -> tuple[int, bytes]:
    if isinstance(value, bool):  # before int, which it also is
        return BOOL, struct.pack("<?", value)
    if isinstance(value, Wide):
        return U64, struct.pack("<Q", value)
    if isinstance(value, (int, np.integer)):
        if not 0 <= value < 1 << 32:
            fail("bad_model", f"{key}: {value} does not fit into 32 bits without a sign")
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, _string(value)
    return ARRAY, _array(value)


def _array(values: Any) -> bytes:
    """An empty list is one of strings: merges are the only ones that may be empty."""
    if isinstance(values, (list, tuple)) and (not values or isinstance(values[0], str)):
        return struct.pack("<IQ", STRING, len(values)) + b"".join(map(_string, values))
    array = np.asarray(values)
    kind, dtype = (F32, "<f4") if array.dtype.kind == "f" else (I32, "<i4")
    return struct.pack("<IQ", kind, len(array)) + array.astype(dtype).tobytes()
