"""Rows of floats to blocks of a tensor type and back. Never knows files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import _core

if TYPE_CHECKING:
    from ._types import ByteArray, FloatArray


class TypeInfo(NamedTuple):
    """What a tensor type is."""

    name: str
    block_length: int
    """Elements of a block."""
    block_bytes: int

    @property
    def bits_per_weight(self) -> float:
        """Bits that an element takes."""
        return 8 * self.block_bytes / self.block_length


def types() -> list[str]:
    """The types that arrays can be quantized to: ``"F32"``, ..., ``"Q4_K"``, ..."""
    return _core.quant.types()


def info(type: str) -> TypeInfo:
    """What a type of GGUF is, by its name in upper or lower case."""
    return TypeInfo(*_core.quant.info(type))


def quantize(values: FloatArray, type: str) -> ByteArray:
    """Rows of floats as blocks.

    Args:
        values: float32 [..., columns]; columns are a multiple of the type's block length.
        type: a name of :func:`types`.

    Returns:
        uint8 [..., bytes of a row], as GGUF files hold them. NaN counts as 0 except in F32, F16 and BF16, and
        what lies beyond a type's reach becomes its nearest value.
    """
    return _core.quant.quantize(values, type)


def dequantize(blocks: ByteArray, type: str) -> FloatArray:
    """Blocks as floats.

    Args:
        blocks: uint8 [..., bytes of a row]
        type: a name of :func:`types`, or I8, I16, I32, I64, F64.

    Returns:
        float32 [..., columns]
    """
    return _core.quant.dequantize(blocks, type)
