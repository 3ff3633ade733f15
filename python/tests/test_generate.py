"""Generation: settings, streaming, many at once."""

from __future__ import annotations

import linnet
import numpy as np
import pytest

PROMPT = "One morning, a small fox named Pip"


def test_streams_pieces(model: linnet.Model) -> None:
    generation = model.generate(PROMPT, temperature=0, max_tokens=20)
    pieces = list(generation)
    assert 10 < len(pieces) <= 20
    assert all(pieces)
    assert "".join(pieces) == model.detokenize(generation.tokens, continues=True)
    assert "".join(pieces).startswith(" found a treasure map")
    assert generation.stop_reason == "max_tokens"
    assert list(generation) == []


def test_stats(model: linnet.Model) -> None:
    generation = model.generate(PROMPT, temperature=0, max_tokens=30)
    assert generation.stats.tokens == 0
    assert generation.stop_reason == "running"
    text = generation.read()
    stats = generation.stats
    assert text
    assert stats.prompt_tokens == len(model.tokenize(PROMPT))
    assert stats.tokens == 30 == len(generation.tokens)
    assert stats.time_to_first_token > 0
    assert stats.tokens_per_second > 0
    assert stats.stop_reason == "max_tokens"


def test_ends_with_the_text(model: linnet.Model) -> None:
    generation = model.generate(PROMPT, temperature=0, max_tokens=-1)
    assert generation.read().endswith(".")
    assert generation.stop_reason == "end_of_text"


def test_every_setting_is_taken(model: linnet.Model) -> None:
    settings: linnet.SamplingOptions = {
        "max_tokens": 8,
        "stop": ["zzz"],
        "seed": 2**64 - 1,
        "temperature": 0.9,
        "dynatemp_range": 0.1,
        "dynatemp_exponent": 1.5,
        "top_k": 50,
        "top_p": 0.9,
        "min_p": 0.01,
        "typical_p": 0.95,
        "top_n_sigma": 2.0,
        "xtc_probability": 0.2,
        "xtc_threshold": 0.2,
        "penalty_last_n": 32,
        "penalty_repeat": 1.1,
        "penalty_frequency": 0.1,
        "penalty_presence": 0.1,
        "dry_multiplier": 0.5,
        "dry_base": 1.5,
        "dry_allowed_length": 3,
        "dry_last_n": -1,
        "dry_breakers": ["\n"],
        "mirostat": 0,
        "mirostat_tau": 4.0,
        "mirostat_eta": 0.2,
        "logit_bias": {5: 0.5},
        "order": ["penalties", "top_k", "temperature"],
    }
    assert set(settings) == set(linnet.SamplingOptions.__annotations__)
    text = model.generate(PROMPT, **settings).read()
    assert text == model.generate(PROMPT, **settings).read()


def test_seeds_tell_texts_apart(model: linnet.Model) -> None:
    texts = {model.generate(PROMPT, seed=seed, temperature=1.5, max_tokens=20).read() for seed in range(5)}
    assert len(texts) > 1
    free = {model.generate(PROMPT, temperature=2.0, top_k=0, max_tokens=20).read() for _ in range(5)}
    assert len(free) > 1


def test_stop_texts(model: linnet.Model) -> None:
    whole = model.generate(PROMPT, temperature=0, max_tokens=60).read()
    word = " book"
    assert word in whole
    for stop in (word, [word, "never said"]):
        generation = model.generate(PROMPT, temperature=0, max_tokens=60, stop=stop)
        assert generation.read() == whole[: whole.index(word)]
        assert generation.stop_reason == "stop_text"
        assert generation.stats.tokens == len(generation.tokens)
        assert word in model.detokenize(generation.tokens, continues=True)


def test_banned_tokens_are_never_chosen(model: linnet.Model) -> None:
    first = model.generate(PROMPT, temperature=0, max_tokens=1)
    first.read()
    token = first.tokens[0]
    other = model.generate(PROMPT, temperature=0, max_tokens=20, logit_bias={token: float("-inf")})
    other.read()
    assert token not in other.tokens


@pytest.mark.parametrize(
    "settings",
    [
        {"temprature": 1},
        {"temperature": "hot"},
        {"temperature": float("nan")},
        {"top_k": 1.5},
        {"top_k": 2**40},
        {"top_p": 2},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": "a"},
        {"stop": 3},
        {"stop": [3]},
        {"stop": "\ud800"},
        {"logit_bias": [1, 2]},
        {"logit_bias": {"a": 1}},
        {"logit_bias": {-1: 1}},
        {"logit_bias": {10**6: 1}},
        {"order": "top_k;nothing"},
        {"max_tokens": "3"},
        {"mirostat": 7},
    ],
)
def test_bad_settings_are_refused(model: linnet.Model, settings: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(linnet.Error) as caught:
        model.generate(PROMPT, **settings)
    assert caught.value.code == "invalid_argument"
    assert next(iter(settings)) in str(caught.value)


def test_the_range_of_a_setting_is_named(model: linnet.Model) -> None:
    with pytest.raises(linnet.Error, match="top_k: expected 0 to 2147483647"):
        model.generate(PROMPT, top_k=2**31)


def test_numpy_counts_as_integers_do(model: linnet.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = []

    class Watched(linnet.Session):
        def __init__(self, model: linnet.Model, *, context: int) -> None:
            contexts.append(context)
            super().__init__(model, context=context)

    monkeypatch.setattr("linnet.model.Session", Watched)
    for count in (3, np.int64(3)):
        model.generate(PROMPT, max_tokens=count)  # type: ignore[arg-type]
    assert contexts == [len(model.tokenize(PROMPT)) + 3] * 2


def test_ctrl_c_in_a_conversion_stays_ctrl_c(model: linnet.Model) -> None:
    class Interrupted:
        def __float__(self) -> float:
            raise KeyboardInterrupt

        def __index__(self) -> int:
            raise KeyboardInterrupt

    for name in ("temperature", "seed", "top_k"):
        with pytest.raises(KeyboardInterrupt):
            model.generate(PROMPT, **{name: Interrupted()})  # type: ignore[arg-type]


def test_prompts_that_do_not_fit(model: linnet.Model) -> None:
    with pytest.raises(linnet.Error) as caught:
        model.generate([5] * (model.context_length + 1))
    assert caught.value.code == "context_full"
    with pytest.raises(linnet.Error) as caught:
        model.batch_generate(["a", [5] * (model.context_length + 1)])
    assert caught.value.code == "context_full"
    assert "prompt 1" in str(caught.value)
    with pytest.raises(linnet.Error, match=r"prompt 2: token 99999"):
        model.batch_generate(["a", "b", [5, 99999]], batch_size=1)
    with pytest.raises(linnet.Error, match="empty"):
        model.generate([])
    with pytest.raises(linnet.Error, match="one text"):
        model.batch_generate("abc")


def test_a_batch_gives_each_its_own_text(each_model: linnet.Model) -> None:
    prompts = [PROMPT, "The old bear", "A", "Once upon a time, " * 30, "In the village", "A"]
    for settings in (
        {"temperature": 0},
        {"temperature": 1.2, "seed": 3},
        {"temperature": 0, "stop": [" and"]},
    ):
        expected = [each_model.generate(p, max_tokens=40, **settings).read() for p in prompts]  # type: ignore[arg-type]
        assert each_model.batch_generate(prompts, max_tokens=40, **settings) == expected  # type: ignore[arg-type]
        assert each_model.batch_generate(prompts, batch_size=2, max_tokens=40, **settings) == expected  # type: ignore[arg-type]
    assert each_model.batch_generate([]) == []
    assert each_model.batch_generate(["a"], max_tokens=0) == [""]
