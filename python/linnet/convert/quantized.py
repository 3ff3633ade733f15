"""convert/quantized.py - weights that a checkpoint already holds as 4-bit levels (GPTQ, AWQ); never quantizes.

Both formats say: weight = (level - zero) * scale, with a zero and a scale for every `group` inputs of an output. They
differ in how eight levels lie in a 32-bit word. Sources: what AutoGPTQ and AutoAWQ ("gemm") write.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint, Config, read_json_object
from .errors import fail
from .plan import is_text, plain_weights
from .safetensors import StoredTensor
from .tensor_types import as_bytes, pack_nibbles, to_f16
from .weight import Blocks, Bytes, Floats, Index, Weight

Levels = npt.NDArray[np.uint8]

BLOCK = 32  # weights of a Q4_0 or Q4_1 block
SYMMETRIC_ZERO = 8
AWQ_ORDER = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # the column of each nibble of a word, from the lowest
PARTS = ("qweight", "qzeros", "scales", "g_idx")
ACT_ORDER_NOTE = (
    "the checkpoint orders its groups by activation (act-order), so they are no blocks of neighbours: "
    "these weights are written as Q8_0"
)
RAGGED_NOTE = "groups that are no multiple of 32 weights are no blocks: these weights are written as Q8_0"


@dataclass(frozen=True)
class Quantization:
    """How a checkpoint is quantized. `method` is empty where it is not."""

    method: str = ""
    zero_offset: int = 0  # to be added to a stored zero

    def weights(self, checkpoint: Checkpoint) -> dict[str, Weight]:
        """All weights by their names, those of quantized modules as NAME.weight."""
        if not self.method:
            return plain_weights(checkpoint.tensors)
        modules: dict[str, dict[str, StoredTensor]] = {}
        plain: dict[str, StoredTensor] = {}
        for name, tensor in checkpoint.tensors.items():
            module, _, part = name.rpartition(".")
            if part in PARTS and f"{module}.qweight" in checkpoint.tensors:
                modules.setdefault(module, {})[part] = tensor
            else:
                plain[name] = tensor
        weights = plain_weights(plain)
        for module, parts in modules.items():
            if is_text(module):
                weights[f"{module}.weight"] = Layer(module, parts, self).weight()
        return weights


def quantization_of(config: Config) -> Quantization:
    """From config.json, or quantize_config.json as older tools wrote it.

    :raises Error: unsupported, for a method or variant that linnet does not read.
    """
    settings = config.section("quantization_config")
    older = config.path.with_name("quantize_config.json")
    if not settings.values and older.is_file():
        settings = Config({"quant_method": "gptq", **read_json_object(older)}, older)
    if not settings.values:
        return Quantization()
    method = settings.get("quant_method")
    if method not in ("gptq", "awq"):
        _refuse(settings, f"quantization method {method!r}; linnet reads gptq and awq")
    bits = settings.get("bits", settings.get("w_bit"))
    if bits != 4:
        _refuse(settings, f"{method} with {bits} bits; linnet reads 4")
    layout = str(settings.get("checkpoint_format", "gptq") if method == "gptq" else settings.get("version", "gemm"))
    if layout.lower() not in ("gptq", "gptq_v2", "gemm") or settings.get("is_marlin_format"):
        _refuse(
            settings,
            f"{method} in the layout {layout!r}; linnet reads {'gptq, gptq_v2' if method == 'gptq' else 'gemm'}",
        )
    return Quantization(method, zero_offset=1 if method == "gptq" and layout == "gptq" else 0)


def _refuse(settings: Config, what: str) -> Any:
    fail("unsupported", f"{settings.path}: {what}; convert the checkpoint that was not quantized")


@dataclass(frozen=True)
class Decoded:
    """A matrix in memory: levels [outputs, inputs], scales and zeros [outputs, groups], the group of each input."""

    levels: Levels
    scales: Floats
    zeros: npt.NDArray[np.int32]
    groups: Index


class Layer:
    """The matrix of one module, [outputs, inputs]."""

    def __init__(self, module: str, parts: dict[str, StoredTensor], how: Quantization) -> None:
        """Checks that the shapes of the parts agree; reads no data."""
        self.module, self.parts, self.how = module, parts, how
        missing = [part for part in PARTS[:3] if part not in parts]
        if missing:
            self._corrupt(f"has no {missing[0]}; is a shard missing?")
        self.group_count, self.outputs = self._matrix_shape("scales")
        rows, columns = self._matrix_shape("qweight")
        self.inputs = rows if how.method == "awq" else rows * 8
        packed = columns * 8 if how.method == "awq" else columns
        zeros = self._matrix_shape("qzeros")
        if packed != self.outputs or zeros != (self.group_count, self.outputs // 8) or self.outputs % 8:
            shapes = ", ".join(f"{part} {list(parts[part].shape)}" for part in PARTS[:3])
            self._corrupt(f"has shapes that do not belong together: {shapes}")

    def weight(self) -> Weight:
        """Blocks of the checkpoint's own levels where its groups allow that, else floats with a note."""
        groups = self._groups()
        size = self.inputs // max(self.group_count, 1)
        note = ""
        if not (groups == np.arange(self.inputs) // max(size, 1)).all():
            note = ACT_ORDER_NOTE
        elif self.inputs % BLOCK or size % BLOCK or size * self.group_count != self.inputs:
            note = RAGGED_NOTE
        blocks = None
        if not note:
            symmetric = bool((self._zeros() == SYMMETRIC_ZERO).all())
            blocks = Blocks("Q4_0", self._q4_0_rows) if symmetric else Blocks("Q4_1", self._q4_1_rows)
        return Weight((self.outputs, self.inputs), self._float_rows, blocks, note)

    def _float_rows(self, rows: Index) -> Floats:
        all = decode(self)
        centred = all.levels[rows].astype(np.int32) - all.zeros[rows][:, all.groups]
        return centred.astype(np.float32) * all.scales[rows][:, all.groups]

    def _q4_0_rows(self, rows: Index) -> Bytes:
        """Y = d * (level - 8)."""
        levels, scales, _ = self._blocks(rows)
        return np.concatenate([as_bytes(to_f16(scales)), pack_nibbles(levels)], axis=1).reshape(len(rows), -1)

    def _q4_1_rows(self, rows: Index) -> Bytes:
        """Y = d * level + m, where m = -d * zero is rounded to a half."""
        levels, scales, zeros = self._blocks(rows)
        scale_bytes, minimum_bytes = as_bytes(to_f16(scales)), as_bytes(to_f16(-scales * zeros))
        return np.concatenate([scale_bytes, minimum_bytes, pack_nibbles(levels)], axis=1).reshape(len(rows), -1)

    def _blocks(self, rows: Index) -> tuple[Levels, Floats, Floats]:
        """Levels [blocks, 32], scale and zero [blocks, 1] of whole rows."""
        all = decode(self)
        first = all.groups[::BLOCK]
        scales, zeros = all.scales[rows][:, first], all.zeros[rows][:, first].astype(np.float32)
        return all.levels[rows].reshape(-1, BLOCK), scales.reshape(-1, 1), zeros.reshape(-1, 1)

    def _groups(self) -> Index:
        """The group of each input. Which follow each other goes without saying where there is no list."""
        if "g_idx" in self.parts:
            groups = self.parts["g_idx"].read_all().astype(np.int64).ravel()
            if len(groups) != self.inputs or groups.min(initial=0) < 0 or groups.max(initial=0) >= self.group_count:
                self._corrupt(f"has a g_idx that is no list of {self.inputs} groups below {self.group_count}")
            return groups
        size = -(-self.inputs // max(self.group_count, 1))
        return np.arange(self.inputs) // max(size, 1)

    def _zeros(self) -> npt.NDArray[np.int32]:
        """[groups, outputs]."""
        packed = self.parts["qzeros"].read_all()
        zeros = unpack_columns(packed, AWQ_ORDER if self.how.method == "awq" else np.arange(8))
        return (zeros.astype(np.int32) + self.how.zero_offset) & 15

    def _levels(self) -> Levels:
        packed = self.parts["qweight"].read_all()
        if self.how.method == "awq":
            return unpack_columns(packed, AWQ_ORDER).T
        return unpack_columns(packed.T, np.arange(8))

    def _matrix_shape(self, part: str) -> tuple[int, int]:
        shape = self.parts[part].shape
        if len(shape) != 2:
            self._corrupt(f"has a {part} of shape {list(shape)}, expected a matrix")
        return shape[0], shape[1]

    def _corrupt(self, what: str) -> Any:
        path = next(iter(self.parts.values())).shard.path
        fail("bad_model", f"{path}: quantized module {self.module!r} {what}")


@functools.lru_cache(maxsize=1)
def decode(layer: Layer) -> Decoded:
    """The layer that is being written stays in memory, no other."""
    scales = layer.parts["scales"]
    floats = scales.read_floats(0, layer.group_count * layer.outputs).reshape(layer.group_count, layer.outputs)
    return Decoded(layer._levels(), floats.T, layer._zeros().T, layer._groups())


def unpack_columns(words: npt.NDArray[Any], order: npt.NDArray[Any]) -> Levels:
    """[n, words] -> [n, 8 * words]: nibble i of word w, from the lowest, is column 8 * w + order[i]."""
    bits = words.astype(np.int64).astype(np.uint32)
    out = np.empty((*words.shape, 8), np.uint8)
    for i in range(8):
        out[..., order[i]] = (bits >> np.uint32(4 * i)) & 15
    return out.reshape(words.shape[0], -1)
