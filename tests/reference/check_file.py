# check_file.py - reads a written model back and checks what a loader relies on; never the weights' values.

from pathlib import Path
from typing import Any

import gguf
from torch import nn

from cases import Case
from gguf_tensors import ARCHITECTURES

REQUIRED_KEYS = (
    "context_length",
    "embedding_length",
    "block_count",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
)


def check_model_file(path: Path, case: Case, model: nn.Module) -> None:
    """Raises AssertionError where the file lacks a key, or a tensor's name or shape is not what GGUF says."""
    reader = gguf.GGUFReader(path)
    keys = {name: field.contents() for name, field in reader.fields.items()}
    shapes = {tensor.name: tuple(int(n) for n in tensor.shape) for tensor in reader.tensors}
    assert all(tensor.tensor_type == gguf.GGMLQuantizationType.F32 for tensor in reader.tensors)
    assert keys["general.architecture"] == case.arch
    for key in REQUIRED_KEYS:
        assert f"{case.arch}.{key}" in keys, f"{path.name} lacks {case.arch}.{key}"
    check_vocabulary(keys, shapes)
    check_names(case.arch, shapes, keys[f"{case.arch}.block_count"])
    for block in range(keys[f"{case.arch}.block_count"]):
        check_block(case.arch, keys, shapes, block)
    rope = sum(tensor.n_elements for tensor in reader.tensors if tensor.name.startswith("rope_"))
    stored = sum(tensor.n_elements for tensor in reader.tensors)
    assert stored - rope == sum(parameter.numel() for parameter in model.parameters())


def check_vocabulary(keys: dict[str, Any], shapes: dict[str, tuple]) -> None:
    vocab = shapes["token_embd.weight"][1]
    for key in ("tokens", "scores", "token_type"):
        assert len(keys[f"tokenizer.ggml.{key}"]) == vocab
    assert len(set(keys["tokenizer.ggml.tokens"])) == vocab


def check_names(arch: str, shapes: dict[str, tuple], blocks: int) -> None:
    known = {
        gguf.TENSOR_NAMES[tensor].format(bid=block)
        for tensor in gguf.MODEL_TENSORS[ARCHITECTURES[arch]]
        for block in range(blocks)
    }
    unknown = {name for name in shapes if name.rsplit(".", 1)[0] not in known}
    assert not unknown, f"not GGUF's names in {arch}: {sorted(unknown)}"


def check_block(arch: str, keys: dict[str, Any], shapes: dict[str, tuple], block: int) -> None:
    """GGUF's order of dimensions: inputs first."""

    def size(key: str, default: Any = None) -> Any:
        value = keys.get(f"{arch}.{key}", default)
        return value[block] if isinstance(value, list) else value

    d, ff, experts = size("embedding_length"), size("feed_forward_length"), size("expert_count")
    heads, kv = size("attention.head_count"), size("attention.head_count_kv")
    head = size("attention.key_length", d // heads)
    kind, stack = ("_exps", (experts,)) if experts else ("", ())
    allowed = {
        "attn_q": (d, heads * head),
        "attn_k": (d, kv * head),
        "attn_v": (d, kv * head),
        "attn_qkv": (d, (heads + 2 * kv) * head),
        "attn_output": (heads * head, d),
        "attn_q_norm": (head,),
        "attn_k_norm": (head,),
        "ffn_gate_inp": (d, experts),
        f"ffn_gate{kind}": (d, ff, *stack),
        f"ffn_down{kind}": (ff, d, *stack),
        f"ffn_up{kind}": (d, 2 * ff if arch == "phi3" else ff, *stack),
        "attn_norm": (d,),
        "ffn_norm": (d,),
        "post_attention_norm": (d,),
        "post_ffw_norm": (d,),
    }
    prefix = f"blk.{block}."
    for name, shape in shapes.items():
        if name.startswith(prefix):
            stem, suffix = name.removeprefix(prefix).rsplit(".", 1)
            expected = allowed[stem][1:2] if suffix == "bias" and len(allowed[stem]) > 1 else allowed[stem]
            assert shape == expected, f"{name} has shape {shape}, expected {expected}"
