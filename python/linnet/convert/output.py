"""convert/output.py - gives every planned tensor a type and encodes it chunk by chunk; knows no architecture."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

import numpy as np

from .gguf_writer import OutputTensor
from .tensor_types import BY_NAME, F16, F32, Bytes, TensorType
from .weight import Weight

CHUNK = 1 << 22  # elements that are in memory at once, 16 MiB of floats


def is_matrix(name: str, weight: Weight) -> bool:
    """Whether the asked-for type applies. Norms, biases, routers and RoPE factors are small and sensitive: F32."""
    small = "_norm." in name or "ffn_gate_inp" in name or not name.endswith(".weight")
    return len(weight.shape) >= 2 and not small


def choose_type(name: str, weight: Weight, wanted: TensorType, keep_blocks: bool) -> TensorType:
    if not is_matrix(name, weight):
        return F32
    if keep_blocks and weight.blocks:
        return BY_NAME[weight.blocks.type_name]
    return wanted if weight.columns % wanted.block_length == 0 else F16


def output_tensors(
    plan: Mapping[str, Weight], wanted: TensorType, keep_blocks: bool, misaligned: Optional[TensorType] = None
) -> list[OutputTensor]:
    """`misaligned`: the type of quantized weights that are no whole blocks, where blocks are kept."""
    tensors = []
    for name, weight in plan.items():
        target = misaligned if keep_blocks and misaligned and weight.note else wanted
        tensors.append(_output(name, weight, choose_type(name, weight, target, keep_blocks)))
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
