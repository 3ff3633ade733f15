"""convert/quantized.py - weights that a checkpoint already holds as 4-bit levels (GPTQ, AWQ); never quantizes."""

from __future__ import annotations

from dataclasses import dataclass

from .checkpoint import Checkpoint, Config
from .errors import fail
from .plan import plain_weights
from .weight import Weight


@dataclass(frozen=True)
class Quantization:
    method: str = ""  # empty: none

    def weights(self, checkpoint: Checkpoint) -> dict[str, Weight]:
        return plain_weights(checkpoint)


def quantization_of(config: Config) -> Quantization:
    if config.section("quantization_config").values:
        fail("unsupported", "not yet")
    return Quantization()
