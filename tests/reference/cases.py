# cases.py - the table of reference models: one small random model per architecture and variant.
"""Every case names a GGUF architecture and a Transformers configuration; config() holds what they share.

Sizes are odd on purpose (head sizes 12 to 32, vocabularies no multiple of 8): they find mistakes that round
sizes hide.
"""

from dataclasses import dataclass, field
from typing import Any

from transformers import AutoConfig

import openelm

N_TOKENS = 96  # length of the text of every case
N_PROMPT = 32  # how many of them begin the greedy continuation
N_GREEDY = 32  # length of the greedy continuation
CONTEXT = 256  # of every model
NORM_EPSILON = 1e-3  # far above the usual values, so that a wrong one shows in the logits


@dataclass(frozen=True)
class Case:
    """One fixture: `arch` is GGUF's name of the architecture, `config` builds the model."""

    name: str
    arch: str
    config: Any
    keys: dict[str, Any] = field(default_factory=dict)  # metadata that `config` does not imply
    fuse_qkv: bool = False  # write attn_qkv although the model has q, k and v apart
    gain: float = 1.5  # standard deviation of a matrix's output for an input of unit variance


def config(model_type: str, d: int, heads: int, kv: int, ff: int, layers: int, **more: Any) -> Any:
    """A Transformers configuration; `more` overrides what the cases share."""
    values = {
        "hidden_size": d, "num_attention_heads": heads, "num_key_value_heads": kv, "intermediate_size": ff,
        "num_hidden_layers": layers, "vocab_size": 101, "max_position_embeddings": CONTEXT,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, "tie_word_embeddings": False,
        "rope_parameters": rope(),
        "layer_norm_eps" if model_type == "phi" else "rms_norm_eps": NORM_EPSILON,
    } | more
    if model_type == "phi3":  # which would put its own default in place of RoPE's
        original = values["rope_parameters"].get("original_max_position_embeddings", CONTEXT)
        values["original_max_position_embeddings"] = original
    return AutoConfig.for_model(model_type, **values)


def rope(theta: float = 10000.0, kind: str = "default", original: int = 0, **more: Any) -> dict[str, Any]:
    """RoPE parameters; `original` is the context length before scaling, where the kind has one."""
    if original:
        more["original_max_position_embeddings"] = original
    return {"rope_theta": theta, "rope_type": kind, **more}


def longrope(n_rot: int, original: int, **more: Any) -> dict[str, Any]:
    """LongRoPE for `n_rot` rotated dimensions; the two sets of factors differ clearly in each of them."""
    half = range(n_rot // 2)
    short, long = [1 + 0.05 * i for i in half], [1.5 + 0.75 * i for i in half]
    return rope(kind="longrope", original=original, short_factor=short, long_factor=long, **more)


TIED = {"tie_word_embeddings": True}

CASES = [
    Case("llama", "llama", config("llama", 64, 4, 2, 40, 2)),
    Case("llama-mha-tied", "llama", config("llama", 48, 3, 3, 56, 2, vocab_size=96, **TIED)),
    Case("llama-bias", "llama",
         config("llama", 60, 3, 1, 40, 2, vocab_size=103, attention_bias=True, mlp_bias=True)),
    Case("llama-linear", "llama",
         config("llama", 48, 3, 1, 56, 2, rope_parameters=rope(kind="linear", factor=4.0))),
    Case("llama-yarn", "llama",
         config("llama", 48, 2, 1, 56, 2, rope_parameters=rope(kind="yarn", factor=4.0, original=64))),
    # Wavelengths are 6.3, 19.9, 62.8, 198, ...: kept below 64/4, smoothed up to 64/1, eightfold above.
    Case("llama3-rope", "llama",
         config("llama", 48, 3, 1, 72, 2, rope_parameters=rope(
             kind="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original=64))),
    Case("mistral", "llama", config("mistral", 48, 4, 2, 48, 2, head_dim=20, sliding_window=16)),
    Case("mixtral", "llama",
         config("mixtral", 48, 3, 1, 24, 2, num_local_experts=5, num_experts_per_tok=2,
                rope_parameters=rope(1e6))),

    Case("phi2", "phi2", config("phi", 60, 3, 3, 40, 2, rope_parameters=rope(partial_rotary_factor=0.4))),
    Case("phi2-fused", "phi2",
         config("phi", 48, 4, 4, 56, 2, vocab_size=97, rope_parameters=rope(partial_rotary_factor=0.5)),
         fuse_qkv=True),
    Case("phi3", "phi3", config("phi3", 48, 3, 1, 56, 2, sliding_window=16)),
    # The text is exactly as long as the original context: still the short factors.
    Case("phi3-longrope-short", "phi3", config("phi3", 48, 3, 3, 40, 2, rope_parameters=longrope(16, 96))),
    Case("phi3-longrope-long", "phi3", config("phi3", 48, 3, 1, 56, 2, rope_parameters=longrope(16, 64))),
    # The greedy continuation crosses the original context, too; the window is wider than any text.
    Case("phi4-mini", "phi3",
         config("phi3", 64, 4, 2, 40, 2, sliding_window=262144, **TIED,
                rope_parameters=longrope(12, 48, partial_rotary_factor=0.75))),
    Case("phimoe", "phimoe",
         config("phimoe", 48, 3, 1, 24, 2, num_local_experts=4, num_experts_per_tok=2,
                attention_bias=True, lm_head_bias=True,
                rope_parameters=longrope(16, 128, short_mscale=1.2, long_mscale=1.2))),

    Case("gemma", "gemma", config("gemma", 48, 3, 1, 56, 2, head_dim=32, **TIED)),
    Case("gemma2", "gemma2",
         config("gemma2", 48, 4, 2, 40, 3, head_dim=16, **TIED, sliding_window=16, query_pre_attn_scalar=24,
                attn_logit_softcapping=5.0, final_logit_softcapping=3.0), gain=2.0),
    # As real files: the attention scale is 1/sqrt(head_dim), and no key says so.
    Case("gemma2-no-scale-key", "gemma2",
         config("gemma2", 48, 3, 1, 72, 2, vocab_size=99, head_dim=20, **TIED, sliding_window=24,
                query_pre_attn_scalar=20, attn_logit_softcapping=8.0, final_logit_softcapping=4.0), gain=2.0),
    # As real files: neither sliding_window_pattern (6) nor rope.freq_base_swa (10000) is written.
    Case("gemma3", "gemma3",
         config("gemma3_text", 32, 2, 1, 32, 7, head_dim=20, **TIED, sliding_window=16,
                query_pre_attn_scalar=20, rope_parameters={
                    "full_attention": rope(1e6, "linear", factor=8.0), "sliding_attention": rope(10000.0)})),
    Case("gemma3-pattern", "gemma3",
         config("gemma3_text", 48, 3, 1, 24, 4, head_dim=20, **TIED, sliding_window=16,
                query_pre_attn_scalar=28, sliding_window_pattern=2, rope_parameters={
                    "full_attention": rope(1e6), "sliding_attention": rope(500.0)}),
         keys={"attention.sliding_window_pattern": 2, "rope.freq_base_swa": 500.0}),

    Case("qwen2", "qwen2", config("qwen2", 56, 4, 2, 56, 2, rope_parameters=rope(1e6))),
    Case("qwen2-tied", "qwen2", config("qwen2", 48, 2, 1, 72, 2, vocab_size=107, **TIED)),
    Case("qwen3", "qwen3", config("qwen3", 48, 4, 2, 48, 2, head_dim=20, rope_parameters=rope(1e6))),
    Case("qwen3-yarn", "qwen3",
         config("qwen3", 48, 2, 1, 72, 2, head_dim=32, **TIED, rope_parameters=rope(
             kind="yarn", factor=3.0, original=80, beta_fast=8.0, beta_slow=2.0))),
    Case("smollm3", "smollm3", config("smollm3", 40, 2, 1, 32, 5, **TIED, rope_parameters=rope(2e6))),
    Case("openelm", "openelm", openelm.Config(
        vocab_size=101, hidden_size=48, head_dim=16, num_attention_heads=[4, 2, 6],
        num_key_value_heads=[1, 2, 3], intermediate_size=[24, 40, 56],
        max_position_embeddings=CONTEXT, rms_norm_eps=NORM_EPSILON)),
]
