"""convert/families/openelm.py - OpenELM: sizes that differ from layer to layer, under names of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ..checkpoint import Config
from ..rope import read_rope
from ..weight import Weight
from .family import Family, Keys

BLOCKS = {
    "attn_norm": "attn_norm",
    "attn.qkv_proj": "attn_qkv",
    "attn.q_norm": "attn_q_norm",
    "attn.k_norm": "attn_k_norm",
    "attn.out_proj": "attn_output",
    "ffn_norm": "ffn_norm",
    "ffn.proj_1": "ffn_gate_up",
    "ffn.proj_2": "ffn_down",
}
GLOBALS = {"transformer.token_embeddings": "token_embd", "transformer.norm": "output_norm", "lm_head": "output"}


def feed_forward_lengths(config: Config) -> list[int]:
    """Each layer's multiple of the width, rounded to whole units, and never down by more than a tenth."""
    layers = config.integer("num_transformer_layers")
    multipliers = config.get("ffn_multipliers")
    if not isinstance(multipliers, list) or len(multipliers) != layers:
        config.refuse("ffn_multipliers", f"a list of {layers} numbers, one per layer")
    unit = config.integer("ffn_dim_divisor", 256)
    lengths = []
    for multiplier in multipliers:
        wanted = multiplier * config.integer("model_dim")
        length = max(unit, int(wanted + unit / 2) // unit * unit)
        lengths.append(length + unit if length < 0.9 * wanted else length)
    return lengths


def openelm_keys(config: Config) -> Keys:
    """Lists of sizes, one per layer."""
    config.require("activation_fn_name", ("swish", "silu"), "swish")
    config.require("ffn_with_glu", True, True)
    config.require("normalize_qk_projections", True, False)
    config.require("share_input_output_layers", True, True)
    layers, head = config.integer("num_transformer_layers"), config.integer("head_dim")
    return {
        "context_length": config.integer("max_context_length", 2048),
        "embedding_length": config.integer("model_dim"),
        "block_count": layers,
        "feed_forward_length": feed_forward_lengths(config),
        "attention.head_count": config.integers("num_query_heads", layers),
        "attention.head_count_kv": config.integers("num_kv_heads", layers),
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": config.real("rms_norm_eps", 1e-6),
        "rope.dimension_count": head,
        "rope.freq_base": config.real("rope_freq_constant", 10000.0),
    }


def arrange(_config: Config, name: str, weight: Weight) -> Iterator[tuple[str, Weight]]:
    """Gate and up are one matrix in checkpoints."""
    if ".ffn_gate_up." not in name:
        yield name, weight
        return
    gate, up = weight.halves()
    yield name.replace("gate_up", "gate"), gate
    yield name.replace("gate_up", "up"), up


OPENELM = Family(
    "openelm",
    ("OpenELMForCausalLM",),
    openelm_keys,
    BLOCKS,
    GLOBALS,
    rope=lambda config: read_rope(config, config.integer("head_dim")),
    arrange=arrange,
    tied=True,
    layers="num_transformer_layers",
)
