"""convert/families/phi.py - Phi-1 to 4 and Phi-3.5-MoE."""

from __future__ import annotations

from ..checkpoint import Config
from ..rope import original_context, read_rope, rope_keys
from .family import (
    EXPERT_BLOCKS,
    GLOBALS,
    LLAMA_BLOCKS,
    Family,
    Keys,
    expert_keys,
    head_dim,
    rms_norm_keys,
    size_keys,
    split_experts,
    uncommon_head_keys,
)

PHI2_BLOCKS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.dense": "attn_output",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
}
PHI2_GLOBALS = {"model.embed_tokens": "token_embd", "model.final_layernorm": "output_norm", "lm_head": "output"}
PHI3_BLOCKS = {
    "input_layernorm": "attn_norm",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def phi2_keys(config: Config) -> Keys:
    """Phi-1, 1.5 and 2."""
    config.require("hidden_act", ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"), "gelu_new")
    config.require("qk_layernorm", False, False)
    rope = read_rope(config, head_dim(config))
    return (
        size_keys(config)
        | uncommon_head_keys(config)
        | {
            "attention.layer_norm_epsilon": config.real("layer_norm_eps", 1e-5),
            "rope.dimension_count": rope.dims,
        }
        | rope_keys(config, rope)
    )


def phi3_keys(config: Config) -> Keys:
    """Phi-3, 3.5, 4 and Phi-3.5-MoE."""
    config.require("hidden_act", "silu", "silu")
    rope = read_rope(config, head_dim(config))
    return (
        size_keys(config)
        | rms_norm_keys(config, 1e-5)
        | uncommon_head_keys(config)
        | rope_keys(config, rope)
        | expert_keys(config)
        | {
            "attention.sliding_window": config.integer("sliding_window", 0),
            "rope.dimension_count": rope.dims,
            "rope.scaling.original_context_length": original_context(config, rope),
        }
    )


def phimoe_keys(config: Config) -> Keys:
    """Phi-3.5-MoE. How near an expert must be to the best is no key: readers know the model's."""
    config.require("router_jitter_noise", 0.01, 0.01)
    config.require("num_experts_per_tok", 2, 2)
    return phi3_keys(config)


PHI2 = Family(
    "phi2",
    ("PhiForCausalLM",),
    phi2_keys,
    PHI2_BLOCKS,
    PHI2_GLOBALS,
    defaults={"partial_rotary_factor": 0.5},
)
PHI3 = Family("phi3", ("Phi3ForCausalLM",), phi3_keys, PHI3_BLOCKS, GLOBALS)
PHIMOE = Family(
    "phimoe",
    ("PhimoeForCausalLM", "PhiMoEForCausalLM"),
    phimoe_keys,
    {**LLAMA_BLOCKS, **EXPERT_BLOCKS},
    GLOBALS,
    arrange=split_experts,
    defaults={"rope_theta": 1e6},
)
