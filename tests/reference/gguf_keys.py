# gguf_keys.py - a model configuration as GGUF metadata, key by key as the public converters write it.

import math
from typing import Any

from cases import Case

TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_NORMAL = 2, 3, 1


def model_keys(case: Case) -> dict[str, Any]:
    """Metadata without the prefix "{arch}."; a float is written as F32, an int as U32."""
    return common_keys(case.config) | KEYS_OF[case.arch](case.config) | case.keys


def common_keys(config: Any) -> dict[str, Any]:
    return {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "block_count": config.num_hidden_layers,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
    }


def rms_norm_keys(config: Any) -> dict[str, Any]:
    return {"attention.layer_norm_rms_epsilon": config.rms_norm_eps}


def head_dim(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def head_keys(config: Any) -> dict[str, Any]:
    return {"attention.key_length": head_dim(config), "attention.value_length": head_dim(config)}


def uncommon_head_keys(config: Any) -> dict[str, Any]:
    return head_keys(config) if head_dim(config) * config.num_attention_heads != config.hidden_size else {}


def expert_keys(config: Any) -> dict[str, Any]:
    if not hasattr(config, "num_local_experts"):
        return {}
    return {"expert_count": config.num_local_experts, "expert_used_count": config.num_experts_per_tok}


def rope_keys(rope: dict[str, Any]) -> dict[str, Any]:
    """Base and scaling; llama3's and longrope's factors are tensors instead."""
    keys: dict[str, Any] = {"rope.freq_base": rope["rope_theta"]}
    if rope["rope_type"] in ("linear", "yarn"):
        keys |= {"rope.scaling.type": rope["rope_type"], "rope.scaling.factor": rope["factor"]}
    if rope["rope_type"] == "yarn":
        keys["rope.scaling.original_context_length"] = rope["original_max_position_embeddings"]
        betas = [beta for beta in ("beta_fast", "beta_slow") if beta in rope]
        keys |= {f"rope.scaling.yarn_{beta}": rope[beta] for beta in betas}
    return keys


def llama_keys(config: Any) -> dict[str, Any]:
    keys = rms_norm_keys(config) | uncommon_head_keys(config) | rope_keys(config.rope_parameters)
    keys |= {"vocab_size": config.vocab_size, "rope.dimension_count": head_dim(config)}
    if getattr(config, "sliding_window", None):
        # Public converters leave it out for this architecture, and Mistral 0.1 runs without its window there.
        keys["attention.sliding_window"] = config.sliding_window
    return keys | expert_keys(config)


def phi2_keys(config: Any) -> dict[str, Any]:
    return {
        "attention.layer_norm_epsilon": config.layer_norm_eps,
        "rope.dimension_count": int(head_dim(config) * config.rope_parameters["partial_rotary_factor"]),
    }


def phi3_keys(config: Any) -> dict[str, Any]:
    rope = config.rope_parameters
    return (
        rms_norm_keys(config)
        | longrope_keys(config)
        | expert_keys(config)
        | {
            "attention.sliding_window": config.sliding_window or 0,
            "rope.dimension_count": int(head_dim(config) * rope.get("partial_rotary_factor", 1.0)),
            "rope.freq_base": rope["rope_theta"],
            "rope.scaling.original_context_length": rope.get(
                "original_max_position_embeddings", config.max_position_embeddings
            ),
        }
    )


def longrope_keys(config: Any) -> dict[str, Any]:
    rope = config.rope_parameters
    if rope["rope_type"] != "longrope":
        return {}
    if (
        "short_mscale" in rope
    ):  # phimoe states the magnitude; here it is the same for both sets, as in the real model
        return {"rope.scaling.attn_factor": rope["short_mscale"]}
    original = rope["original_max_position_embeddings"]
    stretch = config.max_position_embeddings / original
    return {"rope.scaling.attn_factor": math.sqrt(1 + math.log(stretch) / math.log(original))}


def gemma_keys(config: Any) -> dict[str, Any]:
    return rms_norm_keys(config) | head_keys(config)


def attention_scale_keys(config: Any) -> dict[str, Any]:
    if config.query_pre_attn_scalar == head_dim(config):
        return {}
    return {"attention.scale": config.query_pre_attn_scalar**-0.5}


def gemma2_keys(config: Any) -> dict[str, Any]:
    return (
        gemma_keys(config)
        | attention_scale_keys(config)
        | {
            "attn_logit_softcapping": config.attn_logit_softcapping,
            "final_logit_softcapping": config.final_logit_softcapping,
            "attention.sliding_window": config.sliding_window,
        }
    )


def gemma3_keys(config: Any) -> dict[str, Any]:
    keys = (
        gemma_keys(config)
        | attention_scale_keys(config)
        | rope_keys(config.rope_parameters["full_attention"])
    )
    return keys | {"attention.sliding_window": config.sliding_window}


def qwen_keys(config: Any) -> dict[str, Any]:
    return rms_norm_keys(config) | uncommon_head_keys(config) | rope_keys(config.rope_parameters)


def openelm_keys(config: Any) -> dict[str, Any]:
    return (
        rms_norm_keys(config)
        | head_keys(config)
        | {"rope.freq_base": config.rope_theta, "rope.dimension_count": config.head_dim}
    )


KEYS_OF = {
    "llama": llama_keys,
    "smollm3": llama_keys,
    "phi2": phi2_keys,
    "phi3": phi3_keys,
    "phimoe": phi3_keys,
    "gemma": gemma_keys,
    "gemma2": gemma2_keys,
    "gemma3": gemma3_keys,
    "qwen2": qwen_keys,
    "qwen3": qwen_keys,
    "openelm": openelm_keys,
}


def tokenizer_keys(vocab: int) -> dict[str, Any]:
    """A SentencePiece vocabulary of exactly `vocab` pieces, good enough to load; no fixture encodes text."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [mark + letter for mark in ("▁", "") for letter in letters] + [
        a + b for a in letters for b in letters
    ]
    tokens = ["<unk>", "<s>", "</s>"] + pieces[: vocab - 3]
    return {
        "model": "llama",
        "pre": "default",
        "tokens": tokens,
        "scores": [float(-i) for i in range(vocab)],
        "token_type": [TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL] + [TOKEN_NORMAL] * (vocab - 3),
        "bos_token_id": 1,
        "eos_token_id": 2,
        "unknown_token_id": 0,
    }
