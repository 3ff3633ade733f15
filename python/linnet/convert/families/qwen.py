"""convert/families/qwen.py - Qwen 2, 2.5 and 3 (dense)."""

from __future__ import annotations

from ..checkpoint import Config
from .family import (
    GLOBALS,
    LLAMA_BLOCKS,
    Family,
    Keys,
    forbid_windows,
    head_keys,
    rms_norm_keys,
    scaled_rope_keys,
    size_keys,
    uncommon_head_keys,
)

QWEN3_BLOCKS = {**LLAMA_BLOCKS, "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}


def qwen2_keys(config: Config) -> Keys:
    """Qwen 2 and 2.5; biases are found in the checkpoint."""
    config.require("hidden_act", "silu", "silu")
    forbid_windows(config)
    return size_keys(config) | rms_norm_keys(config) | uncommon_head_keys(config) | scaled_rope_keys(config)


def qwen3_keys(config: Config) -> Keys:
    """Qwen 3: heads of a size of their own."""
    return qwen2_keys(config) | head_keys(config)


QWEN2 = Family("qwen2", ("Qwen2ForCausalLM",), qwen2_keys, LLAMA_BLOCKS, GLOBALS)
QWEN3 = Family("qwen3", ("Qwen3ForCausalLM",), qwen3_keys, QWEN3_BLOCKS, GLOBALS, defaults={"head_dim": 128})
