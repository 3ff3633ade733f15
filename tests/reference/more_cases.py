# more_cases.py - shapes that the conformance table has beside the stored fixtures; the same kind of table as cases.py.

from cases import CONTEXT, NORM_EPSILON, TIED, Case, config, longrope, rope
import openelm

LLAMA3 = {"kind": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original": 64}

MORE_CASES = [
    Case("llama-theta", "llama", config("llama", 72, 6, 2, 88, 3, head_dim=20, rope_parameters=rope(5e5))),
    Case("mistral-mha-tied", "llama", config("mistral", 48, 3, 3, 40, 2, sliding_window=None, **TIED)),
    Case("mistral-yarn", "llama", config("mistral", 48, 3, 1, 40, 2, sliding_window=40, rope_parameters=rope(
        kind="yarn", factor=2.0, original=48, attention_factor=1.1))),
    Case("mixtral-mha", "llama", config("mixtral", 40, 2, 2, 32, 2, num_local_experts=3, num_experts_per_tok=1, **TIED)),
    Case("phi2-grouped", "phi2", config("phi", 64, 4, 2, 40, 2, rope_parameters=rope(partial_rotary_factor=0.5))),
    Case("phi2-linear", "phi2", config("phi", 48, 2, 2, 40, 3, rope_parameters=rope(
        kind="linear", factor=2.0, partial_rotary_factor=0.75))),
    Case("phi2-tied", "phi2", config("phi", 48, 3, 3, 40, 2, **TIED, rope_parameters=rope(partial_rotary_factor=0.5))),
    Case("phi3-mha-tied", "phi3", config("phi3", 48, 3, 3, 40, 2, sliding_window=None, **TIED)),
    Case("phi3-window-longrope", "phi3", config("phi3", 48, 3, 1, 40, 2, sliding_window=24, rope_parameters=longrope(16, 64))),
    Case("phimoe-mha", "phimoe", config("phimoe", 48, 2, 2, 24, 2, num_local_experts=3, num_experts_per_tok=2,
         attention_bias=False, lm_head_bias=False, rope_parameters=longrope(24, 128, short_mscale=1.1, long_mscale=1.1))),
    Case("phimoe-tied", "phimoe", config("phimoe", 48, 3, 1, 24, 2, num_local_experts=3, num_experts_per_tok=2,
         attention_bias=True, lm_head_bias=True, **TIED, rope_parameters=longrope(16, 128, short_mscale=1.2, long_mscale=1.2))),
    Case("gemma-mha", "gemma", config("gemma", 40, 2, 2, 56, 2, head_dim=20, **TIED)),
    Case("gemma-grouped", "gemma", config("gemma", 48, 4, 2, 40, 3, head_dim=12, **TIED, rope_parameters=rope(50000.0))),
    Case("gemma2-mha", "gemma2", config(
        "gemma2", 40, 2, 2, 48, 2, head_dim=28, **TIED, sliding_window=32, query_pre_attn_scalar=28,
        attn_logit_softcapping=6.0, final_logit_softcapping=5.0), gain=2.0),
    Case("gemma3-mha", "gemma3", config(
        "gemma3_text", 40, 2, 2, 32, 6, head_dim=16, **TIED, sliding_window=24, query_pre_attn_scalar=16,
        rope_parameters={"full_attention": rope(1e6), "sliding_attention": rope(10000.0)})),
    Case("gemma3-grouped", "gemma3", config(
        "gemma3_text", 48, 4, 2, 32, 7, head_dim=12, **TIED, sliding_window=40, query_pre_attn_scalar=20,
        rope_parameters={"full_attention": rope(5e5, "linear", factor=4.0), "sliding_attention": rope(20000.0)})),
    Case("qwen2-mha", "qwen2", config("qwen2", 60, 3, 3, 40, 2)),
    Case("qwen2-yarn", "qwen2", config("qwen2", 48, 4, 2, 40, 2, rope_parameters=rope(1e6, "yarn", factor=4.0, original=64))),
    Case("qwen3-mha-tied", "qwen3", config("qwen3", 40, 2, 2, 48, 2, head_dim=28, **TIED)),
    Case("qwen3-linear", "qwen3", config("qwen3", 48, 3, 1, 40, 3, head_dim=16, rope_parameters=rope(kind="linear", factor=3.0))),
    Case("smollm3-mha", "smollm3", config("smollm3", 48, 3, 3, 40, 4, tie_word_embeddings=False)),
    Case("smollm3-yarn", "smollm3", config("smollm3", 48, 4, 2, 40, 5, **TIED, rope_parameters=rope(
        kind="yarn", factor=2.0, original=64))),
    Case("smollm3-llama3", "smollm3", config("smollm3", 48, 4, 1, 40, 5, **TIED, rope_parameters=rope(**LLAMA3))),
    Case("openelm-full", "openelm", openelm.Config(
        vocab_size=97, hidden_size=40, head_dim=20, num_attention_heads=[2, 3], num_key_value_heads=[2, 3],
        intermediate_size=[40, 32], max_position_embeddings=CONTEXT, rms_norm_eps=NORM_EPSILON)),
]  # fmt: skip
