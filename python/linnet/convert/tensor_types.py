"""convert/tensor_types.py - rows of floats as the bytes of a GGUF tensor type; never chooses a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TensorType:
    """`encode` turns [rows, columns] into [rows, bytes of a row]; columns is a multiple of `block_length`."""

    name: str
    id: int  # in a file
    block_length: int
    block_bytes: int
    encode: Callable[[Floats], Bytes]

    def row_bytes(self, columns: int) -> int:
        """Of a row with so many columns."""
        return columns // self.block_length * self.block_bytes


def as_bytes(values: npt.NDArray[np.generic]) -> Bytes:
    """The bytes of each row."""
    return np.ascontiguousarray(values).view(np.uint8).reshape(values.shape[0], -1)


def to_f16(values: Floats) -> npt.NDArray[np.float16]:
    """The nearest half; what is beyond the largest becomes the largest, so that no weight is infinite."""
    limit = np.float32(65504)
    return np.where(np.isnan(values), values, np.clip(values, -limit, limit)).astype(np.float16)


def to_bf16(values: Floats) -> npt.NDArray[np.uint16]:
    """The bits of the nearest bfloat16, ties to even; a NaN stays one."""
    bits = values.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), (bits >> 16) | 0x40, rounded).astype(np.uint16)


def to_q8_0(values: Floats) -> Bytes:
    """Blocks of 32: a half scale d = largest / 127, and the nearest whole numbers to x / d."""
    blocks = values.reshape(-1, 32)
    largest = np.nanmax(np.abs(blocks), axis=1, keepdims=True, initial=0)
    wanted = (largest / np.float32(127)).astype(np.float32)
    scale = to_f16(wanted)
    scale[(scale == 0) & (wanted > 0)] = np.finfo(np.float16).smallest_subnormal
    wide = scale.astype(np.float32)
    with np.errstate(divide="ignore"):
        inverse = np.where(wide == 0, np.float32(0), np.float32(1) / wide)
    levels = np.clip(np.rint(np.nan_to_num(blocks, nan=0.0) * inverse), -127, 127).astype(np.int8)
    return np.concatenate([scale.view(np.uint8), levels.view(np.uint8)], axis=1).reshape(len(values), -1)


def pack_nibbles(levels: npt.NDArray[np.uint8]) -> Bytes:
    """[blocks, 32] values below 16 -> [blocks, 16]: the first half of a block in the low halves of its bytes."""
    return (levels[:, :16] | (levels[:, 16:] << 4)).astype(np.uint8, copy=False)


def _not_encoded(values: Floats) -> Bytes:
    raise AssertionError("this type is only written from blocks that a checkpoint holds")


F32 = TensorType("F32", 0, 1, 4, as_bytes)
F16 = TensorType("F16", 1, 1, 2, lambda values: as_bytes(to_f16(values)))
BF16 = TensorType("BF16", 30, 1, 2, lambda values: as_bytes(to_bf16(values)))
Q8_0 = TensorType("Q8_0", 8, 32, 34, to_q8_0)
Q4_0 = TensorType("Q4_0", 2, 32, 18, _not_encoded)
Q4_1 = TensorType("Q4_1", 3, 32, 20, _not_encoded)

BY_NAME = {t.name: t for t in (F32, F16, BF16, Q8_0, Q4_0, Q4_1)}

# The value of general.file_type for a model whose weights are mostly of a type.
FILE_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "BF16": 32}
