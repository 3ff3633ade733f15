"""convert_support.py - what the conversion tests share: writers of checkpoints, and an independent reader of GGUF."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from linnet.convert import Error, convert
from linnet.convert.quantizer import find_program

# The conversion as a program: its folder, which needs no compiled half around it.
CONVERT = [sys.executable, str(Path(convert.__code__.co_filename).parent)]
DTYPE_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16", "int32": "I32", "int64": "I64"}


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """An array of uint16 is BF16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, values in tensors.items():
        dtype = DTYPE_NAMES[values.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    data = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(data)) + data)
        for values in tensors.values():
            file.write(np.ascontiguousarray(values).tobytes())


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def byte_level_tokenizer(size: int, **model: Any) -> dict[str, Any]:
    """A tokenizer.json of one-character tokens."""
    vocab = {chr(0x21 + i) if i < 94 else f"x{i}": i for i in range(size)}
    return {
        "model": {"type": "BPE", "vocab": vocab, "merges": [], **model},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
        "added_tokens": [],
    }


LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "vocab_size": 101,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def llama_tensors(config: dict[str, Any] = LLAMA, seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    d, ff, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    kv = d // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {
        "self_attn.q_proj": (d, d),
        "self_attn.k_proj": (kv, d),
        "self_attn.v_proj": (kv, d),
        "self_attn.o_proj": (d, d),
        "mlp.gate_proj": (ff, d),
        "mlp.up_proj": (ff, d),
        "mlp.down_proj": (d, ff),
    }
    tensors = {"model.embed_tokens.weight": random.normal(size=(vocab, d)), "model.norm.weight": np.ones(d)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{prefix}{norm}.weight"] = 1 + 0.1 * random.normal(size=d)
        for name, shape in shapes.items():
            tensors[f"{prefix}{name}.weight"] = random.normal(size=shape) / np.sqrt(shape[1])
    tensors["lm_head.weight"] = random.normal(size=(vocab, d)) / np.sqrt(d)
    return {name: values.astype(np.float32) for name, values in tensors.items()}


def write_llama(folder: Path, tensors: dict[str, np.ndarray] | None = None, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", {**LLAMA, **config})
    write_json(folder / "tokenizer.json", byte_level_tokenizer(101))
    write_safetensors(folder / "model.safetensors", llama_tensors() if tensors is None else tensors)
    return folder


class Gguf:
    """Keys and tensors of a file, by the GGUF specification; tensors as floats, rows last but one."""

    SCALARS: ClassVar = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    TYPES: ClassVar = {
        0: ("F32", 1, 4),
        1: ("F16", 1, 2),
        2: ("Q4_0", 32, 18),
        3: ("Q4_1", 32, 20),
        8: ("Q8_0", 32, 34),
        30: ("BF16", 1, 2),
    }

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._at = 4
        assert self._data[:4] == b"GGUF"
        version, tensor_count, key_count = self._take("<IQQ")
        assert version == 3
        self.keys: dict[str, Any] = {}
        for _ in range(key_count):
            key = self._string()
            self.keys[key] = self._value(*self._take("<I"))
        self.types: dict[str, str] = {}
        self.raw: dict[str, tuple[str, tuple[int, ...], bytes]] = {}
        entries = [self._entry() for _ in range(tensor_count)]
        start = -(-self._at // 32) * 32
        for name, shape, kind, offset in entries:
            type_name, length, size = self.TYPES[kind]
            count = int(np.prod(shape)) // length * size
            assert offset % 32 == 0 and start + offset + count <= len(self._data)
            self.types[name] = type_name
            self.raw[name] = (type_name, shape, self._data[start + offset : start + offset + count])

    def tensor(self, name: str) -> np.ndarray:
        type_name, shape, data = self.raw[name]
        return DEQUANTIZE[type_name](np.frombuffer(data, np.uint8)).reshape(shape).astype(np.float32)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _string(self) -> str:
        (length,) = self._take("<Q")
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def _value(self, kind: int) -> Any:
        if kind == 8:
            return self._string()
        if kind == 9:
            element, count = self._take("<IQ")
            return [self._value(element) for _ in range(count)]
        return self._take("<" + self.SCALARS[kind])[0]

    def _entry(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string()
        (dims,) = self._take("<I")
        shape = tuple(reversed(self._take(f"<{dims}Q")))
        return (name, shape, *self._take("<IQ"))


def _nibbles(blocks: np.ndarray) -> np.ndarray:
    return np.concatenate([blocks & 15, blocks >> 4], axis=1).astype(np.float32)


def _half(columns: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(columns).view(np.float16).astype(np.float32)


def _q4_0(data: np.ndarray) -> np.ndarray:
    blocks = data.reshape(-1, 18)
    return _half(blocks[:, :2]) * (_nibbles(blocks[:, 2:]) - 8)


def _q4_1(data: np.ndarray) -> np.ndarray:
    blocks = data.reshape(-1, 20)
    return _half(blocks[:, :2]) * _nibbles(blocks[:, 4:]) + _half(blocks[:, 2:4])


def _q8_0(data: np.ndarray) -> np.ndarray:
    blocks = data.reshape(-1, 34)
    return _half(blocks[:, :2]) * np.ascontiguousarray(blocks[:, 2:]).view(np.int8)


DEQUANTIZE = {
    "F32": lambda data: data.view(np.float32),
    "F16": lambda data: data.view(np.float16),
    "BF16": lambda data: (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32),
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q8_0": _q8_0,
}


def linnet_program() -> Path | None:
    try:
        return find_program(None)
    except Error:
        return None


needs_program = pytest.mark.skipif(linnet_program() is None, reason="the program linnet is not built (LINNET_PROGRAM)")


def run_linnet(*arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(linnet_program()), *map(str, arguments)], capture_output=True, text=True, **more)


def run_convert(*arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CONVERT, *map(str, arguments)], capture_output=True, text=True, **more)


def logits(model: Path, tokens: list[int], folder: Path, *more: str) -> np.ndarray:
    """[tokens, vocabulary], with the float kernels and a float cache."""
    output = folder / "logits.npy"
    ids = ",".join(map(str, tokens))
    done = run_linnet("logits", "-m", model, "--tokens", ids, "-o", output, "--kv-type", "f32", "--float32", *more)
    assert done.returncode == 0, done.stderr
    return np.load(output)
