# gguf_tensors.py - a model's parameters under GGUF's names, in GGUF's layout; never changes what it computes.

import re
from typing import Any, Iterable, Iterator

import gguf
import numpy as np
from torch import nn

from cases import Case

Tensors = Iterator[tuple[str, np.ndarray]]

ARCHITECTURES = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}

# Parameters that GGUF names otherwise or stores in parts: equal parts along an axis, gate before up.
PARTS = {
    "mlp.experts.gate_up_proj": (1, ("ffn_gate_exps", "ffn_up_exps")),
    "mlp.experts.down_proj": (1, ("ffn_down_exps",)),
    "ffn.proj_1.weight": (0, ("ffn_gate", "ffn_up")),
}


def model_tensors(case: Case, model: nn.Module) -> Tensors:
    """(name, float32 array) of every tensor; the last axis of an array is GGUF's first dimension."""
    tensors = named_tensors(case, model)
    yield from fuse_qkv(tensors) if case.fuse_qkv else tensors
    yield from rope_tensors(case.config, model)


def named_tensors(case: Case, model: nn.Module) -> Tensors:
    """The tensors of each parameter; a tied output head is no parameter of its own, and so no tensor."""
    names = gguf.get_tensor_name_map(ARCHITECTURES[case.arch], case.config.num_hidden_layers)
    for source, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        part = next((part for part in PARTS if source.endswith(part)), None)
        if part:
            axis, parts = PARTS[part]
            block = re.search(r"layers\.(\d+)\.", source)[1]
            for name, piece in zip(parts, np.split(values, len(parts), axis)):
                yield f"blk.{block}.{name}.weight", piece
            continue
        name = names.get_name(source, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise KeyError(f"GGUF has no name for {source} in {case.arch}")
        yield name, in_gguf_layout(case, source, values)


def in_gguf_layout(case: Case, source: str, values: np.ndarray) -> np.ndarray:
    if case.arch.startswith("gemma") and source.endswith("norm.weight"):
        return values + np.float32(1)
    if case.arch in ("llama", "smollm3"):
        if ".q_proj." in source:
            return interleave_halves(values, case.config.num_attention_heads)
        if ".k_proj." in source:
            return interleave_halves(values, case.config.num_key_value_heads)
    return values


def interleave_halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows 0, n/2, 1, n/2 + 1, ... of each head: RoPE then pairs 2i and 2i + 1, no longer i and i + n/2."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def fuse_qkv(tensors: Iterable[tuple[str, np.ndarray]]) -> Tensors:
    """Replaces attn_q, attn_k, attn_v, which follow each other, by their concatenation attn_qkv."""
    waiting: dict[str, list[np.ndarray]] = {}
    for name, values in tensors:
        fused = re.sub(r"attn_[qkv]\.", "attn_qkv.", name)
        if fused == name:
            yield name, values
            continue
        waiting.setdefault(fused, []).append(values)
        if len(waiting[fused]) == 3:
            yield fused, np.concatenate(waiting.pop(fused))


def rope_tensors(config: Any, model: nn.Module) -> Tensors:
    """Divisors of RoPE's frequencies, for the two kinds of scaling that GGUF stores as tensors."""
    rope = getattr(config, "rope_parameters", {})
    kind = rope.get("rope_type")
    if kind == "llama3":
        rotary = model.model.rotary_emb
        unscaled, _ = rotary.compute_default_rope_parameters(config)
        yield "rope_freqs.weight", (unscaled / rotary.inv_freq).numpy()
    if kind == "longrope":
        yield "rope_factors_long.weight", np.array(rope["long_factor"], np.float32)
        yield "rope_factors_short.weight", np.array(rope["short_factor"], np.float32)
