"""linnet.Adapter: low-rank adapters against a model whose weights were merged in float."""

from __future__ import annotations

import pathlib

import linnet
import numpy as np
import pytest
from linnet import gguf

PROMPT = "One morning, a small fox named Pip"
RANK, ALPHA = 4, 6.0
NAMES = ["blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.2.attn_output.weight"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_path: str) -> pathlib.Path:
    """plain.gguf in F32, adapter.gguf, and merged.gguf, which is both in one."""
    folder = tmp_path_factory.mktemp("adapters")
    rng = np.random.default_rng(3)
    with gguf.open(model_path) as file:
        plain, merged = gguf.Writer(file.metadata), gguf.Writer(file.metadata)
        adapter = gguf.Writer(
            {
                "general.type": "adapter",
                "general.architecture": "llama",
                "adapter.type": "lora",
                "adapter.lora.alpha": ALPHA,
            }
        )
        for name, tensor in file.tensors.items():
            weight = tensor.dequantize()
            plain.add_tensor(name, weight)
            if name in NAMES:
                a = 0.2 * rng.standard_normal((RANK, weight.shape[1]), dtype=np.float32)
                b = 0.2 * rng.standard_normal((weight.shape[0], RANK), dtype=np.float32)
                adapter.add_tensor(name + ".lora_a", a)
                adapter.add_tensor(name + ".lora_b", b)
                weight = weight + np.float32(ALPHA / RANK) * (b @ a)
            merged.add_tensor(name, weight)
        plain.write(folder / "plain.gguf")
        merged.write(folder / "merged.gguf")
        adapter.write(folder / "adapter.gguf")
    return folder


def test_applied_equals_merged(folder: pathlib.Path) -> None:
    plain = linnet.Model(folder / "plain.gguf", kv_type="f32")
    merged = linnet.Model(folder / "merged.gguf", kv_type="f32")
    adapter = linnet.Adapter(folder / "adapter.gguf", plain)
    assert (adapter.matrices, adapter.rank) == (len(NAMES), RANK)
    assert "rank 4" in repr(adapter)
    tuned = plain.with_adapters([adapter])
    tokens = plain.tokenize(PROMPT)
    expected, found, alone = (m.logits(tokens) for m in (merged, tuned, plain))
    size = np.abs(expected).max()
    assert np.abs(found - expected).max() < 1e-4 * size
    assert np.abs(alone - expected).max() > 1e-2 * size
    np.testing.assert_allclose(tuned.score(PROMPT), merged.score(PROMPT), atol=1e-3)
    np.testing.assert_allclose(tuned.embed([PROMPT]), merged.embed([PROMPT]), atol=1e-4)
    text = merged.generate(PROMPT, temperature=0, max_tokens=20).read()
    assert tuned.generate(PROMPT, temperature=0, max_tokens=20).read() == text
    assert tuned.batch_generate([PROMPT], temperature=0, max_tokens=20) == [text]


def test_scales_add_up(folder: pathlib.Path) -> None:
    model = linnet.Model(folder / "plain.gguf", kv_type="f32")
    adapter = linnet.Adapter(folder / "adapter.gguf", model)
    tokens = model.tokenize(PROMPT)
    whole = model.with_adapters([adapter]).logits(tokens)
    halves = model.with_adapters([(adapter, 0.5), (adapter, 0.5)]).logits(tokens)
    np.testing.assert_allclose(halves, whole, atol=1e-3)
    np.testing.assert_array_equal(model.with_adapters([(adapter, 0)]).logits(tokens), model.logits(tokens))


def test_sessions_change_adapters(folder: pathlib.Path) -> None:
    model = linnet.Model(folder / "plain.gguf", kv_type="f32")
    adapter = linnet.Adapter(folder / "adapter.gguf", model)
    session = linnet.Session(model)
    session.append(PROMPT)
    alone = session.logits
    session.set_adapters([adapter])
    np.testing.assert_array_equal(session.logits, model.with_adapters([adapter]).logits(model.tokenize(PROMPT))[-1])
    session.set_adapters([])
    np.testing.assert_array_equal(session.logits, alone)


def test_bad_adapters_are_refused(folder: pathlib.Path, model: linnet.Model, model_path: str) -> None:
    plain = linnet.Model(folder / "plain.gguf")
    adapter = linnet.Adapter(folder / "adapter.gguf", plain)
    for attempt in (
        lambda: linnet.Adapter(folder / "nothing.gguf", plain),
        lambda: linnet.Adapter(model_path, plain),
        lambda: linnet.Adapter(folder / "adapter.gguf", linnet.Model(model_path.replace("llama", "phi3"))),
        lambda: model.with_adapters([adapter]),  # of another model
        lambda: linnet.Session(model).set_adapters([adapter]),
        lambda: plain.with_adapters([(adapter, float("nan"))]),
        lambda: plain.with_adapters([(adapter, "much")]),  # type: ignore[list-item]
        lambda: plain.with_adapters(["adapter.gguf"]),  # type: ignore[list-item]
        lambda: plain.with_adapters([(adapter, 1, 2)]),  # type: ignore[list-item]
    ):
        with pytest.raises(linnet.Error):
            attempt()
