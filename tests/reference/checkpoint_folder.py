# checkpoint_folder.py - saves a random model as the folder that its makers would publish; never as GGUF.

import json
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

import openelm
from cases import Case


def save_folder(folder: Path, case: Case, model: nn.Module) -> None:
    """config.json, model.safetensors and a tokenizer.json of one-letter tokens, which no row encodes text with."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(case.config, openelm.Config):
        save_openelm(folder, case.config, model)
    else:
        model.save_pretrained(folder)
    vocab = {chr(0x21 + i) if i < 94 else f"x{i}": i for i in range(case.config.vocab_size)}
    tokenizer = {
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "added_tokens": [],
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def save_openelm(folder: Path, config: openelm.Config, model: nn.Module) -> None:
    """Under the published names. The widths of the feed-forward networks are written as multiples of the model's."""
    values = {
        "architectures": ["OpenELMForCausalLM"],
        "model_dim": config.hidden_size,
        "num_transformer_layers": config.num_hidden_layers,
        "head_dim": config.head_dim,
        "num_query_heads": config.num_attention_heads,
        "num_kv_heads": config.num_key_value_heads,
        "ffn_multipliers": [round(width / config.hidden_size, 2) for width in config.intermediate_size],
        "ffn_dim_divisor": 8,
        "ffn_with_glu": True,
        "normalize_qk_projections": True,
        "share_input_output_layers": True,
        "max_context_length": config.max_position_embeddings,
        "rope_freq_constant": config.rope_theta,
        "rms_norm_eps": config.rms_norm_eps,  # the published models have none, and 1e-6
        "vocab_size": config.vocab_size,
    }
    (folder / "config.json").write_text(json.dumps(values))
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
