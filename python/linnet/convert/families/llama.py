"""convert/families/llama.py - Llama, Mistral, Mixtral and SmolLM3: query and key rows permuted for RoPE in pairs."""

from __future__ import annotations

from collections.abc import Iterator

from ..checkpoint import Config
from ..weight import Weight
from .family import (
    EXPERT_BLOCKS,
    GLOBALS,
    LLAMA_BLOCKS,
    Family,
    Keys,
    expert_keys,
    forbid_windows,
    head_dim,
    interleave_halves,
    rms_norm_keys,
    scaled_rope_keys,
    size_keys,
    split_experts,
    uncommon_head_keys,
)


def llama_keys(config: Config) -> Keys:
    """Llama, and what Mistral and SmolLM3 share with it."""
    config.require("hidden_act", "silu", "silu")
    config.require("partial_rotary_factor", 1.0, 1.0)
    keys = size_keys(config) | rms_norm_keys(config) | uncommon_head_keys(config) | scaled_rope_keys(config)
    return keys | {"rope.dimension_count": head_dim(config)} | expert_keys(config)


def mistral_keys(config: Config) -> Keys:
    """Other converters leave the window out, and other programs run Mistral 0.1 without it."""
    keys = llama_keys(config)
    if config.integer("sliding_window", 0) > 0:
        keys["attention.sliding_window"] = config.integer("sliding_window")
    return keys


def smollm3_keys(config: Config) -> Keys:
    """That every fourth layer has no RoPE goes without saying: there is no key for it."""
    layers = config.integer("num_hidden_layers")
    usual = [int((i + 1) % 4 != 0) for i in range(layers)]
    config.require("no_rope_layers", [usual], usual)
    config.require("no_rope_layer_interval", 4, 4)
    forbid_windows(config)
    return llama_keys(config)


def arrange(config: Config, name: str, weight: Weight) -> Iterator[tuple[str, Weight]]:
    """Query and key rows in GGUF's order, and experts apart."""
    heads = config.integer("num_attention_heads")
    if ".attn_q." in name:
        weight = interleave_halves(weight, heads)
    if ".attn_k." in name:
        weight = interleave_halves(weight, config.integer("num_key_value_heads", heads))
    yield from split_experts(config, name, weight)


LLAMA = Family("llama", ("LlamaForCausalLM",), llama_keys, LLAMA_BLOCKS, GLOBALS, arrange=arrange)
MISTRAL = Family(
    "llama",
    ("MistralForCausalLM",),
    mistral_keys,
    LLAMA_BLOCKS,
    GLOBALS,
    arrange=arrange,
    defaults={"sliding_window": 4096, "num_key_value_heads": 8},
)
MIXTRAL = Family(
    "llama",
    ("MixtralForCausalLM",),
    mistral_keys,
    {**LLAMA_BLOCKS, **EXPERT_BLOCKS},
    GLOBALS,
    arrange=arrange,
    defaults={
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
    },
)
SMOLLM3 = Family(
    "smollm3",
    ("SmolLM3ForCausalLM",),
    smollm3_keys,
    LLAMA_BLOCKS,
    GLOBALS,
    arrange=arrange,
    defaults={"rope_theta": 2e6},
    tied=True,
)
