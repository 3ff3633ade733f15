"""Whole folders become GGUF files: names, layout, types, shards, memory, and nothing half there."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from convert_support import (
    CONVERT,
    LLAMA,
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
from linnet.convert.checkpoint import Config
from linnet.convert.families import find_family
from linnet.convert.rope import original_context, read_rope


def test_every_weight_arrives_under_its_name(tmp_path: Path) -> None:
    source = llama_tensors()
    convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", Options(type="f32"))
    file = Gguf(tmp_path / "out.gguf")
    names = {
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    for layer in range(2):
        for theirs, ours in names.items():
            wanted = source[f"model.layers.{layer}.{theirs}.weight"]
            assert np.array_equal(file.tensor(f"blk.{layer}.{ours}.weight"), wanted), theirs
    assert np.array_equal(file.tensor("token_embd.weight"), source["model.embed_tokens.weight"])
    assert np.array_equal(file.tensor("output.weight"), source["lm_head.weight"])
    assert len(file.raw) == len(source)
    assert file.keys["general.architecture"] == "llama"
    assert file.keys["llama.rope.dimension_count"] == 16
    assert file.keys["general.parameter_count"] == sum(values.size for values in source.values())


def test_query_rows_are_paired_for_rope(tmp_path: Path) -> None:
    convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", Options(type="f32"))
    query = llama_tensors()["model.layers.0.self_attn.q_proj.weight"]
    found = Gguf(tmp_path / "out.gguf").tensor("blk.0.attn_q.weight")
    for head in range(4):
        for i in range(8):
            assert np.array_equal(found[16 * head + 2 * i], query[16 * head + i])
            assert np.array_equal(found[16 * head + 2 * i + 1], query[16 * head + 8 + i])


@pytest.mark.parametrize(("kind", "bound"), [("f16", 2**-11), ("bf16", 2**-8), ("q8_0", 0.02)])
def test_types_round_as_they_should(tmp_path: Path, kind: str, bound: float) -> None:
    convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", Options(type=kind))
    file, source = Gguf(tmp_path / "out.gguf"), llama_tensors()["model.layers.1.mlp.down_proj.weight"]
    found = file.tensor("blk.1.ffn_down.weight")
    scale = np.abs(source) if kind != "q8_0" else np.abs(source).max()
    assert (np.abs(found - source) <= bound * scale + 1e-7).all()
    assert file.types["blk.1.ffn_down.weight"] == kind.upper()
    assert file.types["blk.1.ffn_norm.weight"] == "F32"
    assert file.keys["general.file_type"] == {"f16": 1, "bf16": 32, "q8_0": 7}[kind]


@needs_program
@pytest.mark.parametrize("kind", ["f16", "bf16", "q8_0"])
def test_types_are_those_of_the_program(tmp_path: Path, kind: str) -> None:
    """The same bytes as `linnet quantize` makes of the same floats."""
    tensors = llama_tensors()
    odd = tensors["model.layers.0.mlp.up_proj.weight"]
    odd[0, :32], odd[1, :32], odd[2, 0], odd[3, :32] = 0, 1e-9, 1e4, np.linspace(-1, 1, 32)
    convert(write_llama(tmp_path / "hf", tensors), tmp_path / "f32.gguf", Options(type="f32"))
    convert(tmp_path / "hf", tmp_path / "ours.gguf", Options(type=kind))
    assert run_linnet("quantize", tmp_path / "f32.gguf", tmp_path / "theirs.gguf", kind).returncode == 0
    ours, theirs = Gguf(tmp_path / "ours.gguf"), Gguf(tmp_path / "theirs.gguf")
    for name in theirs.raw:
        assert ours.raw[name] == theirs.raw[name], name


@needs_program
@pytest.mark.parametrize("kind", ["q4_k_m", "q4_0"])
def test_other_types_are_made_by_the_program(tmp_path: Path, kind: str) -> None:
    done = run_convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", "--type", kind)
    assert done.returncode == 0, done.stderr
    assert kind in run_linnet("inspect", tmp_path / "out.gguf").stdout.lower() or kind == "q4_k_m"
    assert logits(tmp_path / "out.gguf", [1, 2, 3], tmp_path).shape == (3, 101)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hf", "logits.npy", "out.gguf"]


def test_shards_give_the_same_file(tmp_path: Path) -> None:
    convert(write_llama(tmp_path / "one"), tmp_path / "one.gguf", Options(name="same"))
    folder = write_llama(tmp_path / "two")
    (folder / "model.safetensors").unlink()
    tensors = sorted(llama_tensors().items())
    for i, part in enumerate((tensors[:9], tensors[9:]), 1):
        write_safetensors(folder / f"model-0000{i}-of-00002.safetensors", dict(part))
    convert(folder, tmp_path / "two.gguf", Options(name="same"))
    weight_map = {name: f"model-0000{1 + (i >= 9)}-of-00002.safetensors" for i, (name, _) in enumerate(tensors)}
    write_json(folder / "model.safetensors.index.json", {"weight_map": weight_map})
    convert(folder, tmp_path / "indexed.gguf", Options(name="same"))
    one, two, indexed = (Gguf(tmp_path / f"{name}.gguf") for name in ("one", "two", "indexed"))
    assert one.raw == two.raw == indexed.raw
    assert one.keys == two.keys


def test_the_output_may_be_tied(tmp_path: Path) -> None:
    tensors = llama_tensors()
    convert(write_llama(tmp_path / "hf", tensors, tie_word_embeddings=True), tmp_path / "stored.gguf", Options())
    del tensors["lm_head.weight"]
    convert(write_llama(tmp_path / "hf", tensors, tie_word_embeddings=True), tmp_path / "left_out.gguf", Options())
    for name in ("stored", "left_out"):
        assert "output.weight" not in Gguf(tmp_path / f"{name}.gguf").raw


def test_a_tied_output_keeps_its_bias(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shapes = {"input_layernorm": (64,), "mlp.fc1": (96, 64), "mlp.fc2": (64, 96)}
    shapes.update({f"self_attn.{name}": (64, 64) for name in ("q_proj", "k_proj", "v_proj", "dense")})
    modules = {f"model.layers.0.{name}": shape for name, shape in shapes.items()}
    modules.update({"model.final_layernorm": (64,), "lm_head": (101, 64)})
    tensors = {"model.embed_tokens.weight": random.normal(size=(101, 64)).astype(np.float32)}
    for name, shape in modules.items():
        tensors[f"{name}.weight"] = random.normal(size=shape).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(size=shape[0]).astype(np.float32)
    del tensors["lm_head.weight"]
    phi = {"architectures": ["PhiForCausalLM"], "num_key_value_heads": 4, "hidden_act": "gelu_new"}
    folder = write_llama(tmp_path / "hf", tensors, **phi, num_hidden_layers=1, tie_word_embeddings=True)
    convert(folder, tmp_path / "out.gguf", Options(type="f32"))
    written = Gguf(tmp_path / "out.gguf")
    assert np.array_equal(written.tensor("output.bias"), tensors["lm_head.bias"])
    assert np.array_equal(written.tensor("output.weight"), tensors["model.embed_tokens.weight"])


def test_brain_floats_are_exact(tmp_path: Path) -> None:
    tensors = {name: (v.view(np.uint32) >> 16).astype(np.uint16) for name, v in llama_tensors().items()}
    folder = write_llama(tmp_path / "hf", tensors)
    for kind in ("f32", "bf16"):
        convert(folder, tmp_path / "out.gguf", Options(type=kind))
        found = Gguf(tmp_path / "out.gguf").tensor("blk.0.ffn_up.weight")
        stored = tensors["model.layers.0.mlp.up_proj.weight"].astype(np.uint32) << 16
        assert np.array_equal(found, stored.view(np.float32))


def test_what_a_person_wants_to_know(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf", _name_or_path="songbirds/Finch-1B")
    card = (
        '---\nlicense: apache-2.0\nlanguage:\n- en\n- de\ntags: [birds, "song"]\nbase_model: songbirds/Egg\n---\n# Hi'
    )
    (folder / "README.md").write_text(card)
    convert(folder, tmp_path / "out.gguf", Options())
    keys = Gguf(tmp_path / "out.gguf").keys
    assert keys["general.name"] == "Finch-1B"
    assert keys["general.organization"] == "songbirds"
    assert keys["general.source.repo_url"] == "https://huggingface.co/songbirds/Finch-1B"
    assert keys["general.license"] == "apache-2.0"
    assert keys["general.languages"] == ["en", "de"]
    assert keys["general.tags"] == ["birds", "song"]
    assert keys["general.base_model.0.name"] == "Egg"
    assert keys["general.size_label"] == "75K"


@needs_program
def test_the_program_runs_what_was_written(tmp_path: Path) -> None:
    convert(write_llama(tmp_path / "hf"), tmp_path / "out.gguf", Options(type="f32"))
    found = logits(tmp_path / "out.gguf", [5, 6, 7, 8], tmp_path)
    assert found.shape == (4, 101) and np.isfinite(found).all()


def memory_of(folder: Path, output: Path) -> int:
    """What converting took at most, in KiB."""
    process = subprocess.Popen([*CONVERT, str(folder), str(output), "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_model(tmp_path: Path) -> None:
    """A model of 440 MB, in 150 MB more than a tiny one took."""
    wide = {"hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 1, "num_attention_heads": 16}
    config = {**LLAMA, **wide}
    tensors = {name: np.zeros(values.shape, np.float32) for name, values in llama_tensors(config).items()}
    write_llama(tmp_path / "big", tensors, **wide)
    del tensors
    assert (tmp_path / "big" / "model.safetensors").stat().st_size > 440e6
    small, big = (
        memory_of(folder, tmp_path / "out.gguf") for folder in (write_llama(tmp_path / "small"), tmp_path / "big")
    )
    assert big - small < 150_000


def end_once_written(command: list[str], output: Path, size: int, number: int = signal.SIGKILL) -> int:
    """Ends a conversion by a signal as soon as it has written so many bytes. Its exit code: 0 where it was faster."""
    part = output.with_name(output.name + ".part")
    part.unlink(missing_ok=True)

    def written() -> int:
        with contextlib.suppress(FileNotFoundError):
            return part.stat().st_size
        return -1

    def heed_signals() -> None:  # who runs the tests may ignore them, as nohup does, and children would, too
        for heeded in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(heeded, signal.SIG_DFL)

    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, preexec_fn=heed_signals)
    while process.poll() is None and written() < size:
        pass
    process.send_signal(number)
    return process.wait()


def test_a_killed_conversion_leaves_no_half_file(tmp_path: Path) -> None:
    wide = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16}
    folder = write_llama(tmp_path / "hf", llama_tensors({**LLAMA, **wide}), **wide)
    output = tmp_path / "out.gguf"
    command = [*CONVERT, str(folder), str(output)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    whole = output.read_bytes()
    output.unlink()
    killed = 0
    for i in range(12):
        killed += end_once_written(command, output, len(whole) * i // 12) != 0
        assert not output.exists() or output.read_bytes() == whole
        output.unlink(missing_ok=True)
    assert killed >= 1, "no run was killed before its end"
    assert subprocess.run(command, capture_output=True).returncode == 0  # over what was left behind
    assert output.read_bytes() == whole


@needs_program
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", ["f32", "q4_k"])  # the second by another program, which has to end, too
def test_a_signal_that_asks_to_end_leaves_nothing(tmp_path: Path, number: int, kind: str) -> None:
    wide = {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16}
    folder = write_llama(tmp_path / "hf", llama_tensors({**LLAMA, **wide}), **wide)
    output = tmp_path / "out.gguf"
    for _ in range(5):
        output.write_text("mine")
        code = end_once_written([*CONVERT, str(folder), str(output), "--type", kind], output, 1, number)
        if code != 0:
            break
    assert code == 128 + number
    assert output.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"hf", "out.gguf"}


def test_what_was_there_stays_when_it_goes_wrong(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "hf")
    output = tmp_path / "out.gguf"
    output.write_text("mine")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = run_convert(folder, output, preexec_fn=limit)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1 and str(output) in done.stderr
    assert output.read_text() == "mine"
    assert not (tmp_path / "out.gguf.part").exists()


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True).returncode
        != 0
    ):
        pytest.skip("this system does not let the test mount a small disk")
    try:
        done = run_convert(write_llama(tmp_path / "hf"), disk / "out.gguf")
        assert done.returncode == 1
        assert "the disk has 65536 left" in done.stderr and len(done.stderr.strip().splitlines()) == 1
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_errors_have_codes(tmp_path: Path) -> None:
    with pytest.raises(Error) as caught:
        convert(tmp_path / "nowhere", tmp_path / "out.gguf", Options())
    assert caught.value.code == "io"


SIZE_KEYS = ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "max_position_embeddings")
SIZES = {key: LLAMA[key] for key in SIZE_KEYS}


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("MistralForCausalLM", "attention.sliding_window", 4096),
        ("MistralForCausalLM", "attention.head_count_kv", 8),
        ("MixtralForCausalLM", "rope.freq_base", 1e6),
        ("MixtralForCausalLM", "attention.layer_norm_rms_epsilon", 1e-5),
        ("MixtralForCausalLM", "expert_count", 8),
        ("MixtralForCausalLM", "expert_used_count", 2),
        ("SmolLM3ForCausalLM", "rope.freq_base", 2e6),
        ("PhimoeForCausalLM", "rope.freq_base", 1e6),
        ("Gemma2ForCausalLM", "attn_logit_softcapping", 50.0),
        ("Gemma2ForCausalLM", "final_logit_softcapping", 30.0),
        ("Gemma2ForCausalLM", "attention.scale", 256**-0.5),
    ],
)
def test_what_a_configuration_leaves_out_is_as_transformers_has_it(name: str, key: str, value: float) -> None:
    more = {} if name.startswith("Mixtral") else {"head_dim": 16, "num_experts_per_tok": 2}
    family, config = find_family(Config({**SIZES, **more, "architectures": [name]}, Path("config.json")))
    assert family.keys(config)[key] == value


def test_null_is_no_default() -> None:
    values = {**SIZES, "architectures": ["MistralForCausalLM"], "sliding_window": None}
    family, config = find_family(Config(values, Path("config.json")))
    assert "attention.sliding_window" not in family.keys(config)


def test_longrope_counts_from_the_outer_context() -> None:
    values = {"max_position_embeddings": 128, "original_max_position_embeddings": 64}
    scaling = {"original_max_position_embeddings": 32, "rope_type": "longrope"}
    config = Config({**values, "rope_scaling": scaling}, Path("config.json"))
    rope = read_rope(config, 16)
    assert original_context(config, rope) == 64
    yarn = read_rope(Config({**values, "rope_scaling": {**scaling, "rope_type": "yarn"}}, Path("config.json")), 16)
    assert original_context(config, yarn) == 32
