"""Model.embed, and the memory budget."""

from __future__ import annotations

import linnet
import numpy as np
import pytest

TEXTS = ["a small fox named Pip", "a treasure map in an old book", "turn on the radio", "A"]


@pytest.mark.parametrize("pooling", ["mean", "last", "first"])
def test_vectors(each_model: linnet.Model, pooling: str) -> None:
    vectors = each_model.embed(TEXTS, pooling=pooling)  # type: ignore[arg-type]
    assert vectors.shape == (len(TEXTS), each_model.embedding_size)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([each_model.embed([text], pooling=pooling) for text in TEXTS])  # type: ignore[arg-type]
    np.testing.assert_array_equal(vectors, alone)
    raw = each_model.embed(TEXTS, pooling=pooling, normalize=False)  # type: ignore[arg-type]
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), vectors, atol=1e-5)
    tokens = [each_model.tokenize(text) for text in TEXTS]
    np.testing.assert_array_equal(each_model.embed(tokens, pooling=pooling), vectors)  # type: ignore[arg-type]


def test_the_mean_is_of_all_tokens(model: linnet.Model) -> None:
    tokens = model.tokenize(TEXTS[0])
    states = [model.embed([tokens[: i + 1]], pooling="last", normalize=False)[0] for i in range(len(tokens))]
    mean = model.embed([tokens], pooling="mean", normalize=False)[0]
    np.testing.assert_allclose(mean, np.mean(states, axis=0), atol=1e-4)


def test_bad_requests_are_refused(model: linnet.Model) -> None:
    assert model.embed([]).shape == (0, model.embedding_size)
    for attempt in (
        lambda: model.embed("text"),  # type: ignore[arg-type]
        lambda: model.embed([[]]),
        lambda: model.embed([[-1]]),
        lambda: model.embed(["a"], pooling="max"),  # type: ignore[arg-type]
        lambda: model.embed([3]),  # type: ignore[list-item]
        lambda: model.embed(["a"], threads=-1),
    ):
        with pytest.raises(linnet.Error):
            attempt()
    with pytest.raises(linnet.Error, match="text 2: token 99999"):
        model.embed(["a", [5] * 500, [5, 99999]])


def test_a_budget_is_kept(model_path: str) -> None:
    with pytest.raises(linnet.Error) as caught:
        linnet.Model(model_path, memory=1_000_000)
    assert caught.value.code == "out_of_memory"
    model = linnet.Model(model_path, memory=24_000_000)
    with pytest.raises(linnet.Error) as caught:
        linnet.Session(model, context=100_000)
    assert caught.value.code == "out_of_memory"
    with pytest.raises(linnet.Error, match=r"batch_size 32 with \d+ tokens of each prompt") as caught:
        model.batch_generate(["One morning"] * 32, max_tokens=400, batch_size=32)
    assert caught.value.code == "out_of_memory"
    with pytest.raises(linnet.Error, match=r"batch_size 1 .*; lower max_tokens or context"):
        model.batch_generate(["One morning"] * 32, context=1_000_000, max_tokens=-1)
    texts = linnet.Model(model_path).batch_generate(["One morning"] * 32, max_tokens=400, temperature=0)
    assert model.batch_generate(["One morning"] * 32, max_tokens=400, temperature=0) == texts
    assert linnet.Session(linnet.Model(model_path), memory=10**10).context > 0
    for memory in (-1, 2**70, "2G"):
        with pytest.raises(linnet.Error):
            linnet.Model(model_path, memory=memory)  # type: ignore[arg-type]
