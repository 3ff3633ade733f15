"""linnet.Session: one conversation, its limits, and what keeps its users apart."""

from __future__ import annotations

import pathlib
import threading

import linnet
import numpy as np
import pytest

PROMPT = "One morning, a small fox named Pip"


def test_holds_what_was_said(model: linnet.Model) -> None:
    session = linnet.Session(model, context=128)
    assert (len(session), session.tokens, session.context) == (0, [], 128)
    session.append(PROMPT)
    assert session.tokens == model.tokenize(PROMPT)
    generation = session.generate([], temperature=0, max_tokens=10)
    text = generation.read()
    assert session.tokens == model.tokenize(PROMPT) + generation.tokens
    assert text == model.generate(PROMPT, temperature=0, max_tokens=10).read()
    session.append(" Then")
    assert session.tokens[-1:] == model.tokenize(" Then", add_special=False)[-1:]
    assert session.isa in linnet.kernels.available()
    assert session.threads >= 1
    assert session.model is model


def test_outlives_the_models_name(model: linnet.Model, model_path: str) -> None:
    with linnet.Model(model_path) as opened:
        session = linnet.Session(opened)
    session.append(PROMPT.encode())
    session.append(" found")
    assert session.tokens == model.tokenize(PROMPT) + model.tokenize(" found", add_special=False)
    assert session.generate(" a", max_tokens=5).read()


def test_truncate_goes_back(each_model: linnet.Model) -> None:
    session = linnet.Session(each_model)
    session.append(PROMPT)
    expected = session.logits
    text = session.generate([], temperature=0, max_tokens=10).read()
    session.truncate(len(each_model.tokenize(PROMPT)))
    np.testing.assert_array_equal(session.logits, expected)
    assert session.generate([], temperature=0, max_tokens=10).read() == text
    session.truncate(0)
    assert session.tokens == []


def test_refusals_change_nothing(model: linnet.Model) -> None:
    session = linnet.Session(model, context=32)
    session.append(PROMPT)
    before = session.tokens
    for attempt in (
        lambda: session.append([model.vocabulary_size]),
        lambda: session.append([-1]),
        lambda: session.append([5] * 100),
        lambda: session.truncate(-1),
        lambda: session.truncate(1000),
        lambda: session.truncate(2**70),
        lambda: session.truncate(1.5),  # type: ignore[arg-type]
        lambda: session.generate([5] * 100),
        lambda: session.generate(3),  # type: ignore[arg-type]
        lambda: session.generate("a", top_p=7),
    ):
        with pytest.raises(linnet.Error):
            attempt()
        assert session.tokens == before


def test_empty_sessions_know_nothing(model: linnet.Model) -> None:
    with pytest.raises(linnet.Error, match="empty"):
        _ = linnet.Session(model).logits


@pytest.mark.parametrize(
    "settings",
    [
        {"context": -1},
        {"context": 2**62},
        {"threads": -2},
        {"threads": 5000},
        {"max_batch": 0},
        {"max_batch": 2**40},
        {"overflow": "explode"},
        {"keep": -1},
        {"kv_type": "i8"},
        {"kv_type": ""},
    ],
)
def test_bad_options_are_refused(model: linnet.Model, settings: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(linnet.Error):
        linnet.Session(model, **settings)


def test_the_end_of_the_context(model: linnet.Model) -> None:
    session = linnet.Session(model, context=32)
    generation = session.generate(PROMPT, temperature=0, max_tokens=-1)
    generation.read()
    assert generation.stop_reason == "context_full"
    assert len(session) == 32
    shifting = linnet.Session(model, context=32, overflow="shift", keep=1)
    generation = shifting.generate(PROMPT, temperature=0, max_tokens=60, logit_bias={model.eos or 0: -1e9})
    generation.read()
    assert len(generation.tokens) == 60
    assert len(shifting) <= 32


def test_a_change_ends_an_open_generation(model: linnet.Model) -> None:
    for change in (
        lambda s: s.append("a"),
        lambda s: s.truncate(0),
        lambda s: next(s.generate([5], max_tokens=3)),
    ):
        session = linnet.Session(model)
        generation = session.generate(PROMPT, temperature=0)
        next(generation)
        change(session)
        with pytest.raises(linnet.Error, match="ended"):
            next(generation)
        assert generation.stop_reason == "cancelled"


def test_a_change_after_the_last_piece_comes_too_late(model: linnet.Model) -> None:
    session = linnet.Session(model)
    generation = session.generate(PROMPT, temperature=0, max_tokens=2, stop=[" found a zebra"])
    assert next(generation) == " found a"  # held back until the last token was there
    session.append("x")
    assert generation.stop_reason == "max_tokens"
    assert list(generation) == []


def test_what_changes_nothing_ends_no_generation(model: linnet.Model, tmp_path: pathlib.Path) -> None:
    session = linnet.Session(model, context=64)
    generation = session.generate(PROMPT, temperature=0, max_tokens=20)
    text = next(generation)
    for failure in (
        lambda: session.append([1] * 100),
        lambda: session.append([model.vocabulary_size]),
        lambda: session.load(tmp_path / "nothing"),
        lambda: session.generate([5] * 100),
        lambda: session.generate("x", top_p=5),
        lambda: session.truncate(1000),
    ):
        with pytest.raises(linnet.Error):
            failure()
        text += next(generation)
    session.truncate(len(session))
    session.append([])
    assert generation.stop_reason == "running"
    assert text + generation.read() == model.generate(PROMPT, temperature=0, max_tokens=20).read()


def test_one_use_at_a_time(model: linnet.Model) -> None:
    session = linnet.Session(model)
    tokens = (model.tokenize(PROMPT) * 100)[: session.context]
    outcomes = []

    def work() -> None:
        try:
            session.append(tokens)
            session.truncate(0)
            outcomes.append("done")
        except linnet.Error as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert "done" in outcomes
    assert set(outcomes) <= {"done", "invalid_argument", "context_full"}
    assert isinstance(session.tokens, list)


def test_forks_go_their_own_way(each_model: linnet.Model) -> None:
    one = linnet.Session(each_model)
    one.append(PROMPT)
    other = one.fork()
    np.testing.assert_array_equal(other.logits, one.logits)
    other.append(" and his friend")
    assert one.tokens == each_model.tokenize(PROMPT)
    assert len(other) > len(one)
    text = each_model.generate(PROMPT, temperature=0, max_tokens=15).read()
    assert one.generate([], temperature=0, max_tokens=15).read() == text
    assert other.model is each_model
    assert one.fork().fork().tokens == one.tokens


def test_saved_sessions_go_on(each_model: linnet.Model, tmp_path: pathlib.Path) -> None:
    session = linnet.Session(each_model)
    session.append(PROMPT)
    path = tmp_path / "talk.session"
    session.save(path)
    text = session.generate([], temperature=0, max_tokens=15).read()
    other = linnet.Session(each_model, context=256)
    other.append("Something else")
    other.load(path)
    assert other.tokens == each_model.tokenize(PROMPT)
    assert other.generate([], temperature=0, max_tokens=15).read() == text


def test_damaged_sessions_are_refused(model: linnet.Model, model_path: str, tmp_path: pathlib.Path) -> None:
    session = linnet.Session(model)
    session.append(PROMPT)
    path = tmp_path / "talk.session"
    session.save(path)
    whole = path.read_bytes()
    before = session.tokens
    for content in (b"", whole[:-1], whole[: len(whole) // 2], b"x" + whole[1:], bytes(len(whole))):
        path.write_bytes(content)
        with pytest.raises(linnet.Error):
            session.load(path)
        assert session.tokens == before
    path.write_bytes(whole)
    other = linnet.Session(linnet.Model(model_path.replace("llama", "gemma2")))
    for wrong in (other, linnet.Session(model, kv_type="q8_0"), linnet.Session(model, context=4)):
        with pytest.raises(linnet.Error):
            wrong.load(path)
        assert len(wrong) == 0
    with pytest.raises(linnet.Error):
        session.load(tmp_path / "nothing")
    with pytest.raises(linnet.Error):
        session.save(tmp_path / "no" / "folder")
