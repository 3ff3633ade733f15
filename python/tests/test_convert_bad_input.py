"""Folders that are damaged, incomplete or unknown: one line that says what and what to do."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert_support import byte_level_tokenizer, llama_tensors, run_convert, write_json, write_llama
from linnet.convert import Error, Options, convert


def refuse(folder: Path, code: str, *words: str, **options: Any) -> None:
    output = folder.parent / "out.gguf"
    with pytest.raises(Error) as caught:
        convert(folder, output, Options(**options))
    text = str(caught.value)
    assert caught.value.code == code, text
    assert "\n" not in text
    for word in words:
        assert word in text
    assert not output.exists()
    assert list(folder.parent.glob("*.part")) == []


def test_no_folder_and_no_config(tmp_path: Path) -> None:
    refuse(tmp_path / "nowhere", "io", "nowhere", "no folder")
    (tmp_path / "empty").mkdir()
    refuse(tmp_path / "empty", "io", "config.json is missing")


def test_config_that_is_no_json(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    for text in ("{", "[" * 100000, "[1]", "\xff"):
        (folder / "config.json").write_bytes(text.encode("latin-1"))
        refuse(folder, "bad_model", "config.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_size", None),
        ("hidden_size", "64"),
        ("rms_norm_eps", [1]),
        ("num_hidden_layers", -1),
        ("num_attention_heads", 1.5),
        ("rope_scaling", 7),
        ("tie_word_embeddings", 3),
    ],
)
def test_config_with_a_wrong_value(tmp_path: Path, key: str, value: Any) -> None:
    refuse(write_llama(tmp_path / "hf", **{key: value}), "bad_model", f'"{key}"')


def test_unknown_architecture(tmp_path: Path) -> None:
    for classes in (["T5ForConditionalGeneration"], [], None, "LlamaForCausalLM"):
        refuse(write_llama(tmp_path / "hf", architectures=classes), "unsupported", "architectures", "LlamaForCausalLM")


def test_variant_that_linnet_would_run_wrongly(tmp_path: Path) -> None:
    refuse(write_llama(tmp_path / "hf", hidden_act="relu"), "unsupported", "hidden_act", "relu")
    refuse(write_llama(tmp_path / "hf", rope_scaling={"rope_type": "dynamic", "factor": 2.0}), "unsupported", "dynamic")
    refuse(write_llama(tmp_path / "hf", rope_scaling={"rope_type": "magic"}), "unsupported", "magic")


@pytest.mark.parametrize(("key", "value"), [("router_jitter_noise", 0.1), ("num_experts_per_tok", 1)])
def test_routing_that_linnet_would_do_otherwise(tmp_path: Path, key: str, value: float) -> None:
    tensors = llama_tensors()
    for name in [name for name in tensors if "mlp" in name]:
        experts = np.stack([tensors.pop(name)] * 2)
        if "down" in name:
            tensors[name.replace("down_proj.weight", "experts.down_proj")] = experts
        elif "gate" in name:
            tensors[name.replace("gate_proj.weight", "experts.gate_up_proj")] = experts.repeat(2, axis=1)
            tensors[name.replace("gate_proj", "router")] = np.ones((2, 64), np.float32)
    phimoe = {"architectures": ["PhimoeForCausalLM"], "num_local_experts": 2, "num_experts_per_tok": 2}
    folder = write_llama(tmp_path / "hf", tensors, **phimoe)
    convert(folder, tmp_path / "fine.gguf", Options())
    refuse(write_llama(tmp_path / "hf", tensors, **{**phimoe, key: value}), "unsupported", f'"{key}"', str(value))


def test_unknown_quantization_method(tmp_path: Path) -> None:
    for settings in (
        {"quant_method": "bitsandbytes"},
        {"quant_method": "gptq", "bits": 3},
        {"quant_method": "awq", "bits": 4, "version": "gemv"},
        {"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"},
    ):
        refuse(write_llama(tmp_path / "hf", quantization_config=settings), "unsupported", settings["quant_method"])


def test_missing_shards(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    refuse(folder, "io", "model-00002-of-00002.safetensors is missing")
    (folder / "model-00001-of-00002.safetensors").unlink()
    refuse(folder, "io", "no .safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"")
    refuse(folder, "io", "pickle", "safetensors")
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "model-00001-of-00001.safetensors"}})
    refuse(folder, "io", "model-00001-of-00001.safetensors is missing")
    write_json(folder / "model.safetensors.index.json", {"weight_map": {"a": "../../etc/passwd"}})
    refuse(folder, "bad_model", "no file name")


def test_a_tensor_is_missing(tmp_path: Path) -> None:
    for name in ("model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight", "lm_head.weight"):
        tensors = llama_tensors()
        del tensors[name]
        refuse(write_llama(tmp_path / "hf", tensors), "bad_model", "is a shard missing")


def test_a_tensor_too_many(tmp_path: Path) -> None:
    tensors = llama_tensors()
    tensors["model.layers.0.mystery.weight"] = np.zeros(3, np.float32)
    refuse(write_llama(tmp_path / "hf", tensors), "unsupported", "mystery")
    refuse(write_llama(tmp_path / "hf", num_hidden_layers=1), "bad_model", "num_hidden_layers")


def test_corrupt_shards(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    length = struct.unpack_from("<Q", whole)[0]
    damage: list[bytes] = [
        b"",
        whole[:7],
        whole[: 8 + length // 2],
        whole[:-1],
        struct.pack("<Q", 2**63) + whole[8:],
        struct.pack("<Q", length - 1) + whole[8:],
        whole.replace(b'"data_offsets": [0,', b'"data_offsets": [9,', 1),
        whole.replace(b'"data_offsets"', b'"dada_offsets"', 1),
        whole.replace(b'"shape": [101,', b'"shape": [-01,', 1),
        whole.replace(b'"shape": [101,', b'"shape": [1e1,', 1),
        struct.pack("<Q", 100000) + b"[" * 100000,
        struct.pack("<Q", 2) + b"[]",
    ]
    for data in damage:
        path.write_bytes(data)
        refuse(folder, "bad_model", "corrupt", "model.safetensors")
    path.write_bytes(whole.replace(b'"dtype": "F32"', b'"dtype": "F33"', 1))
    refuse(folder, "unsupported", "F33")


def test_every_truncation_and_edit_of_a_header_is_an_error_or_fine(tmp_path: Path) -> None:
    """Never anything but Error, whatever the bytes."""
    folder = write_llama(tmp_path / "hf")
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    random = np.random.default_rng(5)
    for _ in range(300):
        data = bytearray(whole)
        for at in random.integers(0, 3000, random.integers(1, 4)):
            data[at] = random.integers(256)
        path.write_bytes(data[: random.integers(len(data))] if random.random() < 0.2 else data)
        try:
            convert(folder, tmp_path / "out.gguf", Options())
        except Error as error:
            assert "\n" not in str(error)


STRANGE = [None, True, -1, 0, 7, 1e300, "", "x", [], [None], [[1]], {}, {"a": {}}, float("nan")]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value within a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in list(children)[:12] for place in places(child, (*path, key)))]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_strange_values_are_errors_or_fine(tmp_path: Path, name: str) -> None:
    """Whatever stands in place of any value of the folder's JSON: an Error, or a file; never another exception."""
    folder = write_llama(tmp_path / "hf", rope_scaling={"rope_type": "yarn", "factor": 2.0}, layer_types=["a", "b"])
    added = {"id": 5, "content": "&", "special": True}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "&"}}, {"Sequence": {"id": "A"}}]}
    tokenizer = {**byte_level_tokenizer(101), "added_tokens": [added], "post_processor": template}
    write_json(folder / "tokenizer.json", tokenizer)
    settings = {"eos_token": {"content": "&"}, "chat_template": [{"name": "default", "template": "x"}]}
    write_json(folder / "tokenizer_config.json", {**settings, "added_tokens_decoder": {"5": added}})
    whole = json.loads((folder / name).read_text(encoding="utf-8"))
    for *above, key in places(whole)[1:]:
        for strange in STRANGE:
            changed = json.loads(json.dumps(whole))
            target = changed
            for step in above:
                target = target[step]
            target[key] = strange
            write_json(folder / name, changed)
            try:
                convert(folder, tmp_path / "out.gguf")
            except Error as error:
                assert "\n" not in str(error)


def test_weights_that_do_not_fit_the_tokenizer(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    tokenizer = {
        "model": {"type": "BPE", "vocab": {f"t{i}": i for i in range(200)}, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
    }
    write_json(folder / "tokenizer.json", tokenizer)
    refuse(folder, "bad_model", "200 tokens", "101 rows")


def test_tokenizers_that_linnet_does_not_run(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    (folder / "tokenizer.json").unlink()
    refuse(folder, "io", "no tokenizer", "--tokenizer")
    (folder / "tokenizer.model").write_bytes(b"\x08\xff\xff")
    refuse(folder, "bad_model", "no SentencePiece model")
    (folder / "tokenizer.model").unlink()
    for tokenizer in (
        {"model": {"type": "Unigram", "vocab": [], "merges": []}},
        {"model": 3},
        {},
        {"model": {}},
        {"model": {"type": "BPE", "vocab": {}, "merges": ["a"]}},
    ):
        write_json(folder / "tokenizer.json", {"a": 1, **tokenizer})
        with pytest.raises(Error) as caught:
            convert(folder, tmp_path / "out.gguf", Options())
        assert caught.value.code in ("unsupported", "bad_model")


@pytest.mark.parametrize("kind", ["Unigram", "WordPiece", "WordLevel"])
def test_models_that_do_not_merge(tmp_path: Path, kind: str) -> None:
    folder = write_llama(tmp_path / "hf")
    write_json(folder / "tokenizer.json", {"model": {"type": kind, "vocab": []}})
    refuse(folder, "unsupported", f"model type '{kind}'", "byte-level BPE")


def test_a_pre_tokenizer_without_a_name(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    step = {"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "use_regex": False, "add_prefix_space": False}
    write_json(
        folder / "tokenizer.json",
        {
            "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [step, level]},
        },
    )
    refuse(folder, "unsupported", "\\\\w+", "GPT-2")


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    done = run_convert(tmp_path / "nowhere", tmp_path / "out.gguf")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("linnet convert: ") and len(done.stderr.splitlines()) == 1
    done = run_convert(write_llama(tmp_path / "hf"), tmp_path / "no" / "out.gguf")
    assert done.returncode == 1 and "there is no folder" in done.stderr
    done = run_convert(tmp_path / "hf", tmp_path / "hf")
    assert done.returncode == 1 and "exists and is no file" in done.stderr


def test_unknown_type(tmp_path: Path) -> None:
    done = run_convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", "--type", "q9_x")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out.gguf").exists()
