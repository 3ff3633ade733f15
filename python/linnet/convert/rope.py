"""convert/rope.py - rotary position embeddings: what config.json says, old or new, as GGUF keys and tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .checkpoint import Config
from .errors import fail
from .weight import Weight, from_array


@dataclass(frozen=True)
class Rope:
    """`dims` values of a head rotate; `scaling` holds the parameters of `kind` under Transformers' names."""

    theta: float
    dims: int
    kind: str  # default, linear, yarn, llama3 or longrope
    scaling: Config


def read_rope(config: Config, head_dim: int, layer_type: str | None = None) -> Rope:
    """From rope_parameters (one set, or one per kind of layer), or from rope_theta and rope_scaling as before 2026."""
    values: dict[str, Any] = dict(config.section("rope_scaling").values)
    parameters = config.section("rope_parameters").values
    if layer_type and isinstance(parameters.get(layer_type), dict):
        parameters = parameters[layer_type]
    values.update(parameters)
    merged = Config(values, config.path)
    kind = merged.get("rope_type", merged.get("type", "default"))
    kind = {"su": "longrope", "mrope": "default"}.get(kind, kind)
    if kind == "dynamic":
        fail(
            "unsupported",
            f"{config.path}: dynamic RoPE scaling is not supported; "
            'remove "rope_scaling" for texts within the original context',
        )
    if kind not in ("default", "linear", "yarn", "llama3", "longrope"):
        fail("unsupported", f"{config.path}: RoPE scaling {kind!r}; linnet knows linear, yarn, llama3 and longrope")
    theta = merged.real("rope_theta", config.real("rope_theta", 10000.0))
    share = merged.real("partial_rotary_factor", config.real("partial_rotary_factor", 1.0))
    return Rope(theta, int(head_dim * share), kind, merged)


def original_context(config: Config, rope: Rope) -> int:
    """How many positions the model was first trained for: said twice, Transformers believes longrope's outer one."""
    key, context = "original_max_position_embeddings", config.integer("max_position_embeddings")
    outer = config.integer(key, context)
    if rope.kind == "longrope" and config.get(key) is not None:
        return outer
    return rope.scaling.integer(key, outer)


def rope_keys(config: Config, rope: Rope) -> dict[str, Any]:
    """Base and scaling; the factors of llama3 and longrope are tensors instead."""
    keys: dict[str, Any] = {"rope.freq_base": rope.theta}
    if rope.kind in ("linear", "yarn"):
        keys["rope.scaling.type"] = rope.kind
        keys["rope.scaling.factor"] = rope.scaling.real("factor")
    if rope.kind == "yarn":
        keys.update(_yarn_keys(config, rope))
    if rope.kind == "longrope":
        keys["rope.scaling.original_context_length"] = original_context(config, rope)
        keys["rope.scaling.attn_factor"] = longrope_magnitude(config, rope)
    return keys


def _yarn_keys(config: Config, rope: Rope) -> dict[str, Any]:
    scaling = rope.scaling
    scaling.require("truncate", True, True)
    keys: dict[str, Any] = {"rope.scaling.original_context_length": original_context(config, rope)}
    for beta in ("beta_fast", "beta_slow"):
        if beta in scaling:
            keys[f"rope.scaling.yarn_{beta}"] = scaling.real(beta)
    factor = scaling.real("factor")
    usual = _yarn_magnitude(factor, 1.0)
    magnitude = scaling.real("attention_factor", usual)
    if "attention_factor" not in scaling and scaling.get("mscale") and scaling.get("mscale_all_dim"):
        magnitude = _yarn_magnitude(factor, scaling.real("mscale")) / _yarn_magnitude(
            factor, scaling.real("mscale_all_dim")
        )
    if magnitude != usual:
        keys["rope.scaling.attn_factor"] = magnitude / usual  # readers multiply it with the usual magnitude
    return keys


def _yarn_magnitude(factor: float, m: float) -> float:
    """Source: Peng et al., YaRN, 2023."""
    return 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1.0


def longrope_magnitude(config: Config, rope: Rope) -> float:
    """What cosine and sine are multiplied with. Source: Ding et al., LongRoPE, 2024; Phi-3.5-MoE states it."""
    scaling = rope.scaling
    if "short_mscale" in scaling:
        short, long = scaling.real("short_mscale"), scaling.real("long_mscale")
        if short != long:
            fail("unsupported", f"{config.path}: short_mscale {short} and long_mscale {long} differ; GGUF has one key")
        return short
    if "attention_factor" in scaling:
        return scaling.real("attention_factor")
    original = original_context(config, rope)
    stretch = scaling.real("factor", config.integer("max_position_embeddings") / original)
    return 1.0 if stretch <= 1 else math.sqrt(1 + math.log(stretch) / math.log(original))


def rope_tensors(config: Config, rope: Rope) -> dict[str, Weight]:
    """Divisors of the frequencies, [dims / 2] each, for the two kinds of scaling that GGUF stores as tensors."""
    if rope.kind == "llama3":
        return {"rope_freqs.weight": from_array(_llama3_factors(config, rope))}
    if rope.kind == "longrope":
        return {
            f"rope_factors_{name}.weight": from_array(_listed_factors(config, rope, name)) for name in ("long", "short")
        }
    return {}


def _llama3_factors(config: Config, rope: Rope) -> Any:
    """1 for short wavelengths, `factor` for long ones, and a blend of both frequencies in between."""
    scaling = rope.scaling
    factor, low, high = (scaling.real(key) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    wavelength = 2 * math.pi * rope.theta ** (np.arange(0, rope.dims, 2) / rope.dims)
    turns = original_context(config, rope) / wavelength
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


def _listed_factors(config: Config, rope: Rope, name: str) -> Any:
    values = rope.scaling.get(f"{name}_factor")
    if not isinstance(values, list) or len(values) != rope.dims // 2:
        found = len(values) if isinstance(values, list) else values
        fail("bad_model", f'{config.path}: "{name}_factor": expected {rope.dims // 2} numbers, found {found}')
    return np.array(values, np.float32)
