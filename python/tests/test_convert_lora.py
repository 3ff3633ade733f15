"""PEFT folders become GGUF adapters: names, rows, scaling; and what linnet does not run is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert_support import (
    Gguf,
    llama_tensors,
    logits,
    needs_program,
    run_convert,
    run_linnet,
    write_json,
    write_llama,
    write_safetensors,
)
from linnet.convert import Error, Options, convert

PREFIX = "base_model.model.model.layers.0."
SETTINGS = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "bias": "none",
    "base_model_name_or_path": "songbirds/Finch-1B",
}


def write_adapter(folder: Path, tensors: dict[str, np.ndarray] | None = None, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write_json(folder / "adapter_config.json", {**SETTINGS, **settings})
    write_safetensors(folder / "adapter_model.safetensors", adapter_tensors() if tensors is None else tensors)
    return folder


def adapter_tensors() -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    tensors = {}
    for module, (inputs, outputs) in {"self_attn.q_proj": (64, 64), "mlp.down_proj": (96, 64)}.items():
        tensors[f"{PREFIX}{module}.lora_A.weight"] = random.normal(size=(4, inputs)).astype(np.float32)
        tensors[f"{PREFIX}{module}.lora_B.weight"] = random.normal(size=(outputs, 4)).astype(np.float32)
    return tensors


def test_matrices_arrive_under_the_models_names(tmp_path: Path) -> None:
    base = write_llama(tmp_path / "base")
    convert(write_adapter(tmp_path / "lora"), tmp_path / "out.gguf", Options(base=base))
    file, source = Gguf(tmp_path / "out.gguf"), adapter_tensors()
    assert (file.keys["general.type"], file.keys["adapter.type"]) == ("adapter", "lora")
    assert (file.keys["general.architecture"], file.keys["adapter.lora.alpha"]) == ("llama", 8.0)
    assert file.keys["general.base_model.0.repo_url"] == "https://huggingface.co/songbirds/Finch-1B"
    assert sorted(file.raw) == [f"blk.0.{name}.weight.lora_{part}" for name in ("attn_q", "ffn_down") for part in "ab"]
    assert set(file.types.values()) == {"F32"}
    assert np.array_equal(file.tensor("blk.0.ffn_down.weight.lora_a"), source[f"{PREFIX}mlp.down_proj.lora_A.weight"])
    assert np.array_equal(file.tensor("blk.0.ffn_down.weight.lora_b"), source[f"{PREFIX}mlp.down_proj.lora_B.weight"])


def test_the_product_is_permuted_as_the_weight_is(tmp_path: Path) -> None:
    """B A of the query, merged into a zero weight and converted, is the product of the converted matrices."""
    base = write_llama(tmp_path / "base")
    convert(write_adapter(tmp_path / "lora"), tmp_path / "out.gguf", Options(base=base))
    file, source = Gguf(tmp_path / "out.gguf"), adapter_tensors()
    product = source[f"{PREFIX}self_attn.q_proj.lora_B.weight"] @ source[f"{PREFIX}self_attn.q_proj.lora_A.weight"]
    wanted = product.reshape(4, 2, 8, 64).swapaxes(1, 2).reshape(64, 64)
    found = file.tensor("blk.0.attn_q.weight.lora_b") @ file.tensor("blk.0.attn_q.weight.lora_a")
    assert np.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "scaling"), [({}, 2.0), ({"use_rslora": True}, 4.0), ({"alpha_pattern": {"mlp.down_proj": 2}}, 0.5)]
)
def test_scaling(tmp_path: Path, settings: dict[str, Any], scaling: float) -> None:
    base = write_llama(tmp_path / "base")
    convert(write_adapter(tmp_path / "lora", **settings), tmp_path / "out.gguf", Options(base=base))
    file, source = Gguf(tmp_path / "out.gguf"), adapter_tensors()
    rank = file.tensor("blk.0.ffn_down.weight.lora_a").shape[0]
    found = file.keys["adapter.lora.alpha"] / rank * file.tensor("blk.0.ffn_down.weight.lora_b")
    assert np.allclose(found, scaling * source[f"{PREFIX}mlp.down_proj.lora_B.weight"], rtol=1e-6)


def test_the_base_may_be_named_by_the_adapter(tmp_path: Path) -> None:
    base = write_llama(tmp_path / "base")
    convert(write_adapter(tmp_path / "lora", base_model_name_or_path=str(base)), tmp_path / "out.gguf", Options())
    done = run_convert(write_adapter(tmp_path / "lora"), tmp_path / "other.gguf")
    assert done.returncode == 1 and "--base" in done.stderr and "songbirds/Finch-1B" in done.stderr


@needs_program
def test_an_adapter_is_a_merged_model(tmp_path: Path) -> None:
    """Logits with the adapter are those of weights to which the scaled product was added."""
    if "--lora" not in run_linnet("logits", "--help").stdout:
        pytest.skip("this build of the program has no --lora")
    tensors, lora = llama_tensors(), adapter_tensors()
    for module in ("self_attn.q_proj", "mlp.down_proj"):
        a, b = (lora[f"{PREFIX}{module}.lora_{part}.weight"] for part in "AB")
        tensors[f"model.layers.0.{module}.weight"] = tensors[f"model.layers.0.{module}.weight"] + 2 * (b @ a)
    base = write_llama(tmp_path / "base")
    convert(base, tmp_path / "base.gguf", Options(type="f32"))
    convert(write_llama(tmp_path / "merged", tensors), tmp_path / "merged.gguf", Options(type="f32"))
    convert(write_adapter(tmp_path / "lora"), tmp_path / "lora.gguf", Options(base=base))
    tokens = [7, 3, 50, 99, 12, 1]
    wanted = logits(tmp_path / "merged.gguf", tokens, tmp_path)
    found = logits(tmp_path / "base.gguf", tokens, tmp_path, "--lora", str(tmp_path / "lora.gguf"))
    without = logits(tmp_path / "base.gguf", tokens, tmp_path)
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert np.abs(without - wanted).max() > 0.1 * np.abs(wanted).max()


def refuse(
    tmp_path: Path, code: str, words: str, tensors: dict[str, np.ndarray] | None = None, **settings: Any
) -> None:
    base = write_llama(tmp_path / "base")
    with pytest.raises(Error, match=words) as caught:
        convert(write_adapter(tmp_path / "lora", tensors, **settings), tmp_path / "out.gguf", Options(base=base))
    assert caught.value.code == code
    assert not (tmp_path / "out.gguf").exists()


def test_what_is_not_run_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, "unsupported", "DoRA", use_dora=True)
    refuse(tmp_path, "unsupported", "peft_type", peft_type="IA3")
    refuse(tmp_path, "unsupported", "bias", bias="all")
    tensors = adapter_tensors()
    tensors["base_model.model.lm_head.weight"] = np.zeros((101, 64), np.float32)
    refuse(tmp_path, "unsupported", "no LoRA matrix", tensors)


def test_damaged_adapters(tmp_path: Path) -> None:
    tensors = adapter_tensors()
    tensors[f"{PREFIX}mlp.down_proj.lora_B.weight"] = np.zeros((64, 3), np.float32)
    refuse(tmp_path, "bad_model", "differ in rank", tensors)
    tensors = adapter_tensors()
    del tensors[f"{PREFIX}mlp.down_proj.lora_B.weight"]
    refuse(tmp_path, "bad_model", "matrix A only", tensors)
    refuse(tmp_path, "bad_model", "lora_alpha", lora_alpha=None)
    refuse(tmp_path, "bad_model", "no LoRA matrices", {})
