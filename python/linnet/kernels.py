"""The kernels of any instruction set on NumPy arrays, for tests in Python. Never the way to run a model.

Every function takes ``isa``: a name of :func:`available`, or None for the one in use. Arrays are float32
unless said otherwise; results are new arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import _core
from ._errors import Error

if TYPE_CHECKING:
    from typing_extensions import Literal

    from ._types import ByteArray, FloatArray, Tokens


def available() -> list[str]:
    """The instruction sets of this build that this machine can run, best first; the last is ``"scalar"``."""
    return [name for name, runs in _core.kernels.instruction_sets() if runs]


def built() -> list[str]:
    """The instruction sets of this build, best first."""
    return [name for name, _ in _core.kernels.instruction_sets()]


def active() -> str:
    """The instruction set in use: the best, or the one that the environment variable LINNET_ISA names."""
    return _core.kernels.active()


def gemm(
    weights: ByteArray,
    x: FloatArray,
    *,
    type: str,
    activations: Literal["float32", "int8", "bfloat16"] = "float32",
    isa: str | None = None,
) -> FloatArray:
    """Matrix product: y[t, r] = sum over c of weights[r, c] * x[t, c].

    Args:
        weights: uint8 [rows, bytes of a row], the blocks of :func:`linnet.quant.quantize`.
        x: [tokens, columns]
        type: of the weights.
        activations: what x is rounded to: nothing, signed bytes (packed weights in whole numbers), or bfloat16
            (tile registers).
        isa: the instruction set.

    Returns:
        [tokens, rows]

    Raises:
        Error: shapes do not agree, or there is no such kernel for this type (``"unsupported"``).
    """
    return _core.kernels.matmul(weights, type, x, activations, isa or "")


def matvec(
    weights: ByteArray,
    x: FloatArray,
    *,
    type: str,
    activations: Literal["float32", "int8", "bfloat16"] = "float32",
    isa: str | None = None,
) -> FloatArray:
    """As :func:`gemm` for one token: x [columns], result [rows]."""
    if not isinstance(x, np.ndarray) or x.ndim != 1:
        raise Error("invalid_argument", "x: expected an array of one dimension; gemm takes two")
    y: FloatArray = gemm(weights, x[np.newaxis], type=type, activations=activations, isa=isa)[0]
    return y


def attention(
    q: FloatArray,
    k: FloatArray,
    v: FloatArray,
    *,
    scale: float | None = None,
    window: int = 0,
    soft_cap: float = 0.0,
    kv_type: str = "f32",
    isa: str | None = None,
) -> FloatArray:
    """Causal attention of the last tokens of a sequence to all of it.

    Args:
        q: [tokens, heads, head size]; the last query stands at the last position.
        k: [positions, key heads, head size]; heads / key heads neighbouring queries share one.
        v: as k.
        scale: multiplies q . k. None: 1 / sqrt(head size).
        window: positions that a token sees, its own included. 0: all before it.
        soft_cap: scores s become soft_cap * tanh(s / soft_cap). 0: they stay.
        kv_type: how k and v are stored: ``"f32"``, ``"f16"``, ``"bf16"`` or ``"q8_0"``.
        isa: the instruction set.

    Returns:
        [tokens, heads, head size]
    """
    if scale is None:
        scale = 1.0 if not isinstance(q, np.ndarray) or q.size == 0 else float(q.shape[-1]) ** -0.5
    return _core.kernels.attention(q, k, v, scale, window, soft_cap, kv_type, isa or "")


def rms_norm(
    x: FloatArray, weight: FloatArray | None = None, *, epsilon: float = 1e-5, isa: str | None = None
) -> FloatArray:
    """Y = x / sqrt(mean(x^2) + epsilon) * weight, for each row of x [rows, columns]."""
    return _core.kernels.norm(x, weight, None, epsilon, False, isa or "")


def layer_norm(
    x: FloatArray,
    weight: FloatArray | None = None,
    bias: FloatArray | None = None,
    *,
    epsilon: float = 1e-5,
    isa: str | None = None,
) -> FloatArray:
    """Y = (x - mean) / sqrt(variance + epsilon) * weight + bias, for each row of x [rows, columns]."""
    return _core.kernels.norm(x, weight, bias, epsilon, True, isa or "")


def rope(
    x: FloatArray,
    positions: Tokens,
    frequencies: FloatArray,
    *,
    style: Literal["interleaved", "halves"] = "halves",
    isa: str | None = None,
) -> FloatArray:
    """Rotary position embedding: pair i of each head turns by position * frequencies[i].

    Args:
        x: [tokens, heads, head size]
        positions: of the tokens.
        frequencies: [pairs], at most half of the head size; what is behind the pairs stays.
        style: ``"interleaved"`` turns (x[2i], x[2i + 1]), ``"halves"`` turns (x[i], x[i + pairs]).
        isa: the instruction set.
    """
    if style not in ("interleaved", "halves"):
        raise Error("invalid_argument", f"style: expected 'interleaved' or 'halves', got {style!r}")
    return _core.kernels.rope(x, positions, frequencies, style == "interleaved", isa or "")


def silu_gate(gate: FloatArray, up: FloatArray, *, isa: str | None = None) -> FloatArray:
    """silu(gate) * up, for arrays of one dimension."""
    return _core.kernels.gate(gate, up, False, isa or "")


def gelu_gate(gate: FloatArray, up: FloatArray, *, isa: str | None = None) -> FloatArray:
    """gelu(gate) * up, with GELU in its tanh form, for arrays of one dimension."""
    return _core.kernels.gate(gate, up, True, isa or "")


def gelu(x: FloatArray, *, isa: str | None = None) -> FloatArray:
    """GELU in its tanh form, for an array of one dimension."""
    return _core.kernels.gelu(x, isa or "")


def soft_cap(x: FloatArray, cap: float, *, isa: str | None = None) -> FloatArray:
    """Cap * tanh(x / cap), for an array of one dimension."""
    return _core.kernels.soft_cap(x, cap, isa or "")
