"""convert/lora.py - a PEFT folder with a LoRA adapter becomes a GGUF adapter; never touches the model itself.

For a matrix W of the model the file holds NAME.lora_a [rank, inputs] and NAME.lora_b [outputs, rank], and a reader
computes W x + scale * (alpha / rank) * B (A x).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .checkpoint import Checkpoint, Config, read_config, read_json_object
from .errors import fail
from .families import Family, find_family
from .gguf_writer import OutputTensor
from .model_card import base_model_keys
from .output import output_tensors
from .plan import file_order, gguf_name
from .tensor_types import TensorType
from .weight import Weight, from_stored

SETTINGS = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
FORBIDDEN = {"use_dora": "DoRA", "fan_in_fan_out": "transposed weights", "alora_invocation_tokens": "activated LoRA"}


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter rather than a model."""
    return (folder / SETTINGS).is_file()


def adapter_keys_and_tensors(
    checkpoint: Checkpoint, folder: Path, base: Path | None, kind: TensorType, name: str
) -> tuple[dict[str, Any], list[OutputTensor]]:
    """What the GGUF adapter holds. `base` is the model's folder; None: the one that the adapter names, if it exists."""
    settings = Config(read_json_object(folder / SETTINGS), folder / SETTINGS)
    check_settings(settings)
    named = str(settings.get("base_model_name_or_path", ""))
    base = base or (Path(named) if named and Path(named).is_dir() else None)
    if base is None:
        fail(
            "invalid_argument",
            f"{settings.path}: the adapter belongs to {named or 'a model it does not name'}, "
            "whose config.json tells how its weights lie; name that folder with --base",
        )
    family, config = find_family(read_config(base))
    alpha = settings.real("lora_alpha")
    plan = dict(plan_adapter(checkpoint, settings, family, config, alpha))
    if not plan:
        fail("bad_model", f"{folder / WEIGHTS} holds no LoRA matrices")
    ordered = {name: plan[name] for name in sorted(plan, key=file_order)}
    keys: dict[str, Any] = {
        "general.architecture": family.name,
        "general.type": "adapter",
        "adapter.type": "lora",
        "adapter.lora.alpha": alpha,
        "general.name": name or folder.resolve().name,
    }
    keys.update(base_model_keys(named if named and not Path(named).is_absolute() else None))
    return keys, output_tensors(ordered, kind, keep_blocks=False, is_matrix=lambda name, weight: True)


def check_settings(settings: Config) -> None:
    """Refuses what is more, or other, than LoRA."""
    settings.require("peft_type", "LORA", "LORA")
    settings.require("bias", "none", "none")
    for key, what in FORBIDDEN.items():
        if settings.get(key):
            fail(
                "unsupported", f'{settings.path}: "{key}": linnet does not run {what}; merge the adapter into its model'
            )


def plan_adapter(
    checkpoint: Checkpoint, settings: Config, family: Family, config: Config, alpha: float
) -> Iterator[tuple[str, Weight]]:
    """Both matrices of each weight; those of fused weights that GGUF stores apart share their A."""
    for module, (a, b) in pair_matrices(checkpoint, settings).items():
        name, expert = gguf_name(module + ".weight", family)
        if name is None or expert is not None:
            fail(
                "unsupported",
                f"{settings.path.parent}: {module} has no place in a {family.name} model"
                f"{'; adapters of single experts are not supported' if expert is not None else ''}",
            )
        if a.shape[0] != b.shape[1]:
            fail(
                "bad_model", f"{settings.path.parent}: {module}: A {list(a.shape)} and B {list(b.shape)} differ in rank"
            )
        factor = np.float32(scaling(settings, module, a.shape[0]) / (alpha / a.shape[0]))
        for target, rows in family.arrange(config, name, scale(b, factor)):
            yield f"{target}.lora_a", a
            yield f"{target}.lora_b", rows


def scale(weight: Weight, factor: np.float32) -> Weight:
    """The weight times `factor`."""
    return weight if factor == 1 else weight.map(lambda values: values * factor)


def pair_matrices(checkpoint: Checkpoint, settings: Config) -> dict[str, tuple[Weight, Weight]]:
    """By the module's name in the model: A [rank, inputs], B [outputs, rank]."""
    found: dict[str, dict[str, Weight]] = {}
    for name, tensor in checkpoint.tensors.items():
        match = re.fullmatch(r"(?:base_model\.model\.)?(.*)\.lora_([AB])(?:\.default)?\.weight", name)
        if not match:
            fail(
                "unsupported",
                f"{tensor.shard.path}: tensor {name!r} is no LoRA matrix of a linear layer; "
                "merge the adapter into its model",
            )
        if len(tensor.shape) != 2 or not tensor.is_float:
            fail(
                "bad_model",
                f"{tensor.shard.path}: tensor {name!r}: expected a matrix of floats, found {tensor.dtype} "
                f"{list(tensor.shape)}",
            )
        found.setdefault(match[1], {})[match[2]] = from_stored(tensor)
    for module, pair in found.items():
        if len(pair) != 2:
            fail("bad_model", f"{settings.path.parent / WEIGHTS}: {module} has matrix {next(iter(pair))} only")
    return {module: (pair["A"], pair["B"]) for module, pair in found.items()}


def scaling(settings: Config, module: str, rank: int) -> float:
    """What PEFT multiplies B A with: alpha / rank, or alpha / sqrt(rank) for rank-stabilised adapters."""
    alpha = settings.real("lora_alpha")
    for pattern, value in settings.section("alpha_pattern").values.items():
        if re.fullmatch(rf"(.*\.)?({pattern})", module):
            alpha = float(value)
            break
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
