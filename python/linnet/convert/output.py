"""convert/output.py - gives every planned tensor a type and encodes it chunk by chunk; knows no architecture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Callable

import numpy as np

from .gguf_writer import OutputTensor
from .tensor_types import BY_NAME, F16, F32, Q8_0, Bytes, TensorType
from .weight import Weight

CHUNK = 1 << 22  # elements that are in memory at once, 16 MiB of floats


def is_matrix(name: str, weight: Weight) -> bool:
    """Whether the asked-for type applies. Norms, biases, routers and RoPE factors are small and sensitive: F32."""
    small = "_norm." in name or "ffn_gate_inp" in name or not name.endswith(".weight")
    return len(weight.shape) >= 2 and not small


def choose_type(name: str, weight: Weight, wanted: TensorType, keep_blocks: bool) -> TensorType:
    """The asked-for type, F16 where its blocks do not fit a row."""
    if keep_blocks and weight.blocks:
        return BY_NAME[weight.blocks.type_name]
    return wanted if weight.columns % wanted.block_length == 0 else F16


def output_tensors(
    plan: Mapping[str, Weight],
    wanted: TensorType,
    keep_blocks: bool,
    is_matrix: Callable[[str, Weight], bool] = is_matrix,
) -> list[OutputTensor]:
    """`keep_blocks`: what the checkpoint holds as 4-bit blocks stays so, and what else it has quantized is Q8_0."""
    tensors = []
    for name, weight in plan.items():
        target = Q8_0 if keep_blocks and weight.note else wanted
        kind = choose_type(name, weight, target, keep_blocks) if is_matrix(name, weight) else F32
        tensors.append(_output(name, weight, kind))
    return tensors


def _output(name: str, weight: Weight, kind: TensorType) -> OutputTensor:
    def chunks() -> Iterator[Bytes]:
        step = max(1, CHUNK // weight.columns)
        for first in range(0, weight.rows, step):
            rows = np.arange(first, min(first + step, weight.rows))
            if weight.blocks and kind.name == weight.blocks.type_name:
                yield weight.blocks.fetch(rows)
            else:
                yield kind.encode(weight.fetch(rows))

    return OutputTensor(name, weight.shape, kind, chunks)
