"""convert/families/gemma.py - Gemma 1 to 3: norm weights get the 1 that the models add, and the output is tied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checkpoint import Config
from ..errors import fail
from ..rope import Rope, read_rope, rope_keys
from ..weight import Weight
from .family import GLOBALS, LLAMA_BLOCKS, Family, Keys, head_dim, head_keys, rms_norm_keys, size_keys

POST_NORM_BLOCKS = {
    **LLAMA_BLOCKS,
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
}
TANH_GELU = ("gelu_pytorch_tanh", "gelu_new", "gelu_fast")


def gemma_keys(config: Config) -> Keys:
    """What all three have in common."""
    # Gemma 1's files say "gelu" and mean the approximation.
    config.require("hidden_activation", TANH_GELU, TANH_GELU[0])
    config.require("attention_bias", False, False)
    config.require("use_bidirectional_attention", False, False)
    return size_keys(config) | head_keys(config) | rms_norm_keys(config)


def gemma1_keys(config: Config) -> Keys:
    """Gemma 1."""
    return gemma_keys(config) | rope_keys(config, read_rope(config, head_dim(config)))


def scale_keys(config: Config) -> Keys:
    """Files of the field have no key for it: their readers know the sizes of the models."""
    scalar = config.real("query_pre_attn_scalar", head_dim(config))
    return {} if scalar == head_dim(config) else {"attention.scale": scalar**-0.5}


def gemma2_keys(config: Config) -> Keys:
    """Gemma 2: caps, and a window in every other layer."""
    layers = config.integer("num_hidden_layers")
    check_pattern(config, 2, [i % 2 == 0 for i in range(layers)])
    return (
        gemma1_keys(config)
        | scale_keys(config)
        | {
            "attn_logit_softcapping": config.real("attn_logit_softcapping", 0.0),
            "final_logit_softcapping": config.real("final_logit_softcapping", 0.0),
            "attention.sliding_window": config.integer("sliding_window", 4096),
        }
    )


def gemma3_keys(config: Config) -> Keys:
    """Gemma 3: query/key norms, windows, and a RoPE for windowed layers."""
    pattern = gemma3_pattern(config)
    keys = gemma_keys(config) | scale_keys(config) | rope_keys(config, gemma3_rope(config))
    keys["attention.sliding_window"] = config.integer("sliding_window", 4096)
    if pattern != 6:
        keys["attention.sliding_window_pattern"] = pattern
    local = local_rope_base(config)
    if local != 10000.0:
        keys["rope.freq_base_swa"] = local
    for cap in ("attn_logit_softcapping", "final_logit_softcapping"):
        if cap in config:
            keys[cap] = config.real(cap)
    return keys


def gemma3_rope(config: Config) -> Rope:
    """The RoPE of the layers that see everything."""
    return read_rope(config, head_dim(config), "full_attention")


def local_rope_base(config: Config) -> float:
    """The base of the windowed layers, which are never scaled."""
    local = config.section("rope_parameters").values.get("sliding_attention")
    values: dict[str, Any] = local if isinstance(local, dict) else {}
    if values.get("rope_type", "default") != "default":
        fail("unsupported", f"{config.path}: the windowed layers' RoPE is scaled, which linnet does not do")
    return Config(values, config.path).real("rope_theta", config.real("rope_local_base_freq", 10000.0))


def gemma3_pattern(config: Config) -> int:
    """Every which layer sees everything."""
    pattern = config.integer("sliding_window_pattern", config.integer("_sliding_window_pattern", 6))
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and "full_attention" in kinds:
        pattern = kinds.index("full_attention") + 1
    layers = config.integer("num_hidden_layers")
    if isinstance(kinds, list) and "full_attention" not in kinds and pattern <= layers:
        pattern = layers + 1
    check_pattern(config, pattern, [i % pattern != pattern - 1 for i in range(layers)])
    return pattern


def check_pattern(config: Config, pattern: int, windowed: list[bool]) -> None:
    """Refuses windows in other layers than linnet runs them in."""
    kinds = config.get("layer_types", ["sliding_attention" if window else "full_attention" for window in windowed])
    if kinds != ["sliding_attention" if window else "full_attention" for window in windowed]:
        fail(
            "unsupported",
            f'{config.path}: "layer_types": linnet runs windows that repeat every {pattern} '
            "layers; this model's does not",
        )


def arrange(_config: Config, name: str, weight: Weight) -> Iterator[tuple[str, Weight]]:
    """Transformers multiplies by 1 + weight, GGUF by the weight."""
    yield name, weight.map(lambda values: values + np.float32(1)) if name.endswith("norm.weight") else weight


def _family(name: str, classes: tuple[str, ...], keys: Any, blocks: dict[str, str], **more: Any) -> Family:
    return Family(name, classes, keys, blocks, GLOBALS, arrange=arrange, tied=True, **more)


GEMMA = _family("gemma", ("GemmaForCausalLM",), gemma1_keys, LLAMA_BLOCKS, defaults={"head_dim": 256})
GEMMA2_DEFAULTS = {
    "head_dim": 256,
    "query_pre_attn_scalar": 256,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
}
GEMMA2 = _family("gemma2", ("Gemma2ForCausalLM",), gemma2_keys, POST_NORM_BLOCKS, defaults=GEMMA2_DEFAULTS)
# What the 4B model and the larger ones leave out of "text_config".
GEMMA3_DEFAULTS = {
    "head_dim": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 131072,
    "rope_theta": 1e6,
    "query_pre_attn_scalar": 256,
}
GEMMA3 = _family(
    "gemma3",
    ("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"),
    gemma3_keys,
    POST_NORM_BLOCKS,
    defaults=GEMMA3_DEFAULTS,
    rope=gemma3_rope,
)
