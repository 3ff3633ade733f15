"""GPTQ and AWQ checkpoints keep their weights: the same levels, scales and zeros in Q4_0 and Q4_1 blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert_support import Gguf, llama_tensors, logits, needs_program, run_convert, write_json, write_llama
from linnet.convert import Error, Options, convert
from linnet.convert.quantized import AWQ_ORDER, unpack_columns

QUANTIZED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SIZES = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1}


@dataclass
class Matrix:
    """weight = (levels - zeros) * scales, [outputs, inputs]; scales and zeros by group [outputs, groups]."""

    levels: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray
    groups: np.ndarray  # of each input

    def weights(self) -> np.ndarray:
        scales = self.scales.astype(np.float64)[:, self.groups]
        return (self.levels - self.zeros[:, self.groups].astype(np.float64)) * scales


def random_matrix(shape: tuple[int, int], group: int, symmetric: bool, act_order: bool, seed: int) -> Matrix:
    random = np.random.default_rng(seed)
    outputs, inputs = shape
    count = inputs // group
    zeros = np.full((outputs, count), 8) if symmetric else random.integers(1, 16, (outputs, count))
    groups = np.arange(inputs) // group
    if act_order:
        groups = random.permutation(groups)
    scales = (random.uniform(0.5, 2, (outputs, count)) / 50).astype(np.float16)
    return Matrix(random.integers(0, 16, shape), scales, zeros, groups)


def pack_words(nibbles: np.ndarray, order: Any = range(8)) -> np.ndarray:
    """[n, 8 * words] -> int32 [n, words]: column 8 * w + order[i] in nibble i of word w."""
    groups = nibbles.reshape(len(nibbles), -1, 8).astype(np.uint32)
    return sum(groups[:, :, column] << np.uint32(4 * i) for i, column in enumerate(order)).view(np.int32)


def gptq(matrix: Matrix, version: int = 1) -> dict[str, np.ndarray]:
    """Levels packed along the inputs, zeros along the outputs; the first version stores a zero less 1."""
    stored = (matrix.zeros - (1 if version == 1 else 0)) & 15
    return {
        "qweight": pack_words(matrix.levels).T,
        "qzeros": pack_words(stored.T),
        "scales": matrix.scales.T,
        "g_idx": matrix.groups.astype(np.int32),
    }


def awq(matrix: Matrix) -> dict[str, np.ndarray]:
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    return {
        "qweight": pack_words(matrix.levels.T, order),
        "qzeros": pack_words(matrix.zeros.T, order),
        "scales": matrix.scales.T,
    }


def write_quantized(folder: Path, pack: Any, settings: dict[str, Any], **how: Any) -> dict[str, np.ndarray]:
    """A Llama whose linear layers are quantized; returns what its weights are, in double precision."""
    config = {**SIZES, "quantization_config": settings}
    tensors = llama_tensors({**write_defaults(), **SIZES})
    exact: dict[str, np.ndarray] = {}
    for seed, name in enumerate(list(tensors)):
        if name.split(".")[-2] in QUANTIZED:
            matrix = random_matrix(tensors[name].shape, seed=seed, **how)
            exact[name] = matrix.weights()
            del tensors[name]
            module = name.removesuffix(".weight")
            tensors.update({f"{module}.{part}": np.ascontiguousarray(values) for part, values in pack(matrix).items()})
    write_llama(folder, tensors, **config)
    return exact


def write_defaults() -> dict[str, Any]:
    from convert_support import LLAMA

    return LLAMA


def paired(rows: np.ndarray, heads: int) -> np.ndarray:
    """Query and key rows in GGUF's order."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


GGUF_NAMES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


def expect_weights(path: Path, exact: dict[str, np.ndarray], kind: str, tolerance: float) -> None:
    """Within `tolerance` of each weight's group's largest magnitude: 16 levels times the scale."""
    file = Gguf(path)
    for name, wanted in exact.items():
        module = name.split(".")[-2]
        target = f"blk.0.{GGUF_NAMES[module]}.weight"
        if module in ("q_proj", "k_proj"):
            wanted = paired(wanted, 4 if module == "q_proj" else 2)
        assert file.types[target] == kind
        error = np.abs(file.tensor(target) - wanted)
        assert error.max() <= tolerance * np.abs(wanted).max(), (target, error.max())


GPTQ = {"quant_method": "gptq", "bits": 4}


@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("method", ["gptq", "gptq_v2", "awq"])
def test_weights_stay_what_they_were(tmp_path: Path, method: str, group: int, symmetric: bool) -> None:
    packs = {"gptq": gptq, "gptq_v2": lambda matrix: gptq(matrix, 2), "awq": awq}
    settings = {"quant_method": method[:4].rstrip("_"), "bits": 4, "group_size": group, "checkpoint_format": method}
    if method == "awq":
        settings = {"quant_method": "awq", "bits": 4, "group_size": group, "version": "gemm"}
    exact = write_quantized(tmp_path / "hf", packs[method], settings, group=group, symmetric=symmetric, act_order=False)
    convert(tmp_path / "hf", tmp_path / "out.gguf", Options())
    # Symmetric weights are exact; otherwise scale * zero is rounded to a half.
    expect_weights(tmp_path / "out.gguf", exact, "Q4_0" if symmetric else "Q4_1", 1e-7 if symmetric else 2**-11)
    file = Gguf(tmp_path / "out.gguf")
    assert file.keys["general.file_type"] == (2 if symmetric else 3)
    assert file.types["token_embd.weight"] == file.types["output.weight"] == "F16"


def test_act_order_becomes_q8_0_and_says_so(tmp_path: Path) -> None:
    settings = {**GPTQ, "group_size": 32, "desc_act": True}
    exact = write_quantized(tmp_path / "hf", gptq, settings, group=32, symmetric=False, act_order=True)
    done = run_convert(tmp_path / "hf", tmp_path / "out.gguf")
    assert done.returncode == 0
    assert [
        line for line in done.stderr.splitlines() if "act-order" in line and "Q8_0" in line
    ] == done.stderr.splitlines()
    expect_weights(tmp_path / "out.gguf", exact, "Q8_0", 0.5 / 127 + 2**-11)


def test_act_order_in_name_only_stays_in_blocks(tmp_path: Path) -> None:
    settings = {**GPTQ, "group_size": 64, "desc_act": True}
    exact = write_quantized(tmp_path / "hf", gptq, settings, group=64, symmetric=True, act_order=False)
    convert(tmp_path / "hf", tmp_path / "out.gguf", Options())
    expect_weights(tmp_path / "out.gguf", exact, "Q4_0", 1e-7)


def test_older_folders_keep_the_settings_apart(tmp_path: Path) -> None:
    exact = write_quantized(tmp_path / "hf", gptq, {}, group=32, symmetric=True, act_order=False)
    write_json(tmp_path / "hf" / "quantize_config.json", {"bits": 4, "group_size": 32, "desc_act": False, "sym": True})
    convert(tmp_path / "hf", tmp_path / "out.gguf", Options())
    expect_weights(tmp_path / "out.gguf", exact, "Q4_0", 1e-7)


def test_a_type_writes_the_weights_out(tmp_path: Path) -> None:
    exact = write_quantized(
        tmp_path / "hf", awq, {"quant_method": "awq", "bits": 4}, group=32, symmetric=False, act_order=False
    )
    convert(tmp_path / "hf", tmp_path / "out.gguf", Options(type="f32"))
    expect_weights(tmp_path / "out.gguf", exact, "F32", 1e-6)
    with pytest.raises(Error, match="4-bit weights already"):
        convert(tmp_path / "hf", tmp_path / "other.gguf", Options(type="q4_k_m"))


def test_words_as_published() -> None:
    """Nibbles from the lowest, in both orders."""
    word = np.array([[0x76543210]], np.int32)
    assert unpack_columns(word, np.arange(8)).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert unpack_columns(word, AWQ_ORDER).tolist() == [[0, 4, 1, 5, 2, 6, 3, 7]]
    assert unpack_columns(np.array([[-1]], np.int32), np.arange(8)).tolist() == [[15] * 8]


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    def without(part: str) -> Any:
        return lambda matrix: {name: values for name, values in gptq(matrix).items() if name != part}

    def cut(part: str) -> Any:
        return lambda matrix: {name: values[:-1] if name == part else values for name, values in gptq(matrix).items()}

    for pack, words in (
        (without("scales"), "no scales"),
        (without("qzeros"), "no qzeros"),
        (cut("qzeros"), "shapes"),
        (cut("g_idx"), "g_idx"),
        (cut("qweight"), "g_idx"),
    ):
        write_quantized(tmp_path / "hf", pack, GPTQ, group=32, symmetric=True, act_order=False)
        with pytest.raises(Error, match=words) as caught:
            convert(tmp_path / "hf", tmp_path / "out.gguf", Options())
        assert caught.value.code == "bad_model"


@needs_program
def test_the_program_computes_with_the_same_weights(tmp_path: Path) -> None:
    settings = {**GPTQ, "group_size": 32}
    write_quantized(tmp_path / "hf", gptq, settings, group=32, symmetric=True, act_order=False)
    found = []
    for kind in ("", "f32"):
        convert(tmp_path / "hf", tmp_path / "out.gguf", Options(type=kind))
        found.append(logits(tmp_path / "out.gguf", [3, 1, 4, 1, 5, 9, 2, 6], tmp_path))
    # What differs is the embedding, in F16.
    assert np.abs(found[0] - found[1]).max() <= 2e-3 * np.abs(found[1]).max()
