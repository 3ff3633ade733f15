"""convert/families/family.py - what tells one architecture's checkpoints from another's; never reads a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from ..checkpoint import Config
from ..rope import Rope, read_rope, rope_keys
from ..weight import Weight

Keys = dict[str, Any]
Arrange = Callable[[Config, str, Weight], Iterable[tuple[str, Weight]]]


def as_it_is(_config: Config, name: str, weight: Weight) -> Iterator[tuple[str, Weight]]:
    """For families whose tensors lie in GGUF as they lie in checkpoints."""
    yield name, weight


@dataclass(frozen=True)
class Family:
    """`blocks` and `globals` name modules: those of a layer without its prefix, and those of the whole model."""

    name: str  # the value of general.architecture
    classes: tuple[str, ...]  # of config.json's "architectures"
    keys: Callable[[Config], Keys]  # without the prefix "NAME."
    blocks: Mapping[str, str]
    globals: Mapping[str, str]
    rope: Callable[[Config], Rope] = lambda config: read_rope(config, head_dim(config))
    arrange: Arrange = as_it_is  # a tensor under its new name -> the tensors to write
    defaults: Mapping[str, Any] = field(default_factory=dict)  # what config.json may leave out, as Transformers has it
    tied: bool = False  # whether the embedding makes the logits where config.json does not say
    layers: str = "num_hidden_layers"


GLOBALS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
LLAMA_BLOCKS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
# Per expert as they were published, and stacked as newer tools save them.
EXPERT_BLOCKS = {
    "block_sparse_moe.gate": "ffn_gate_inp",
    "block_sparse_moe.experts.*.w1": "ffn_gate_exps",
    "block_sparse_moe.experts.*.w2": "ffn_down_exps",
    "block_sparse_moe.experts.*.w3": "ffn_up_exps",
    "mlp.gate": "ffn_gate_inp",
    "mlp.router": "ffn_gate_inp",
    "mlp.experts.gate_up_proj": "ffn_gate_up_exps",
    "mlp.experts.down_proj": "ffn_down_exps",
}


def head_dim(config: Config) -> int:
    """Values of a head."""
    return config.integer("head_dim", config.integer("hidden_size") // max(1, config.integer("num_attention_heads")))


def size_keys(config: Config) -> Keys:
    """Context, widths, layers and heads."""
    return {
        "context_length": config.integer("max_position_embeddings"),
        "embedding_length": config.integer("hidden_size"),
        "block_count": config.integer("num_hidden_layers"),
        "feed_forward_length": config.integer("intermediate_size"),
        "attention.head_count": config.integer("num_attention_heads"),
        "attention.head_count_kv": config.integer("num_key_value_heads", config.integer("num_attention_heads")),
    }


def head_keys(config: Config) -> Keys:
    """The size of a head, said outright."""
    return {"attention.key_length": head_dim(config), "attention.value_length": head_dim(config)}


def uncommon_head_keys(config: Config) -> Keys:
    """The same where it does not follow from the width."""
    usual = head_dim(config) * config.integer("num_attention_heads") == config.integer("hidden_size")
    return {} if usual else head_keys(config)


def rms_norm_keys(config: Config, default: float = 1e-6) -> Keys:
    """Epsilon, or its usual value."""
    return {"attention.layer_norm_rms_epsilon": config.real("rms_norm_eps", default)}


def expert_keys(config: Config) -> Keys:
    """How many experts there are, and how many a token uses."""
    if "num_local_experts" not in config:
        return {}
    return {
        "expert_count": config.integer("num_local_experts"),
        "expert_used_count": config.integer("num_experts_per_tok"),
    }


def scaled_rope_keys(config: Config) -> Keys:
    """RoPE over whole heads."""
    return rope_keys(config, read_rope(config, head_dim(config)))


def forbid_windows(config: Config) -> None:
    """For architectures that linnet runs with full attention."""
    window = config.integer("sliding_window", 0)
    if not config.flag("use_sliding_window", False) or not 0 < window < config.integer("max_position_embeddings"):
        return
    layers = config.integer("num_hidden_layers")
    kinds = config.get("layer_types")
    windowed = (
        "sliding_attention" in kinds if isinstance(kinds, list) else config.integer("max_window_layers", 0) < layers
    )
    if windowed:
        config.require("use_sliding_window", False, False, "set it to false for texts no longer than the window")


def interleave_halves(weight: Weight, heads: int) -> Weight:
    """Rows 0, n/2, 1, n/2 + 1, ... of each head: RoPE then pairs 2i and 2i + 1, no longer i and i + n/2."""
    return weight.pick(np.arange(weight.rows).reshape(heads, 2, -1).swapaxes(1, 2).ravel())


def split_experts(_config: Config, name: str, weight: Weight) -> Iterator[tuple[str, Weight]]:
    """[experts, gate rows then up rows, columns] -> two tensors."""
    if ".ffn_gate_up_exps." not in name:
        yield name, weight
        return
    gate, up = weight.halves()
    yield name.replace("gate_up", "gate"), gate
    yield name.replace("gate_up", "up"), up
