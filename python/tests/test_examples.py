"""Every program of examples/python runs on the bundled model and says what it should."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import linnet
import numpy as np
import pytest
from conftest import ROOT

FOLDER = ROOT / "examples" / "python"
STORY = "One morning, a small fox named Pip found a treasure map in an old book. It showed the village and the hills."


def run(name: str, *arguments: object, text: str = "") -> str:
    """What the example prints."""
    ran = subprocess.run(
        [sys.executable, str(FOLDER / name), *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def need_pictures() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed: pip install 'linnet[lab]'")


def is_picture(path: pathlib.Path) -> bool:
    return path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 5000


def test_every_example_is_tested() -> None:
    tests = pathlib.Path(__file__).read_text()
    for path in FOLDER.glob("*.py"):
        assert f'"{path.name}"' in tests, path.name


def test_chat(model_path: str) -> None:
    told = run("chat.py", model_path, text="dim the kitchen lights to 30 percent\nturn on the radio in the garage\n")
    assert told.splitlines()[0] == '{"intent":"set_brightness","device":"light","room":"kitchen","value":30}'
    assert '"turn_on"' in told.splitlines()[1]


def test_entropy(model_path: str, tmp_path: pathlib.Path) -> None:
    told = run("entropy.py", model_path, STORY)
    assert float(told.splitlines()[-1].split()[1]) < 2  # bits of surprise: the model knows such stories
    need_pictures()
    run("entropy.py", model_path, STORY, tmp_path / "entropy.png")
    assert is_picture(tmp_path / "entropy.png")


def test_perplexity(model_path: str, model: linnet.Model, tmp_path: pathlib.Path) -> None:
    """Over windows, and over one window as exp of the mean of score()."""
    path = tmp_path / "story.txt"
    path.write_text(STORY)
    assert float(run("perplexity.py", model_path, path).split()[1]) == pytest.approx(
        np.exp(-model.score(STORY).mean()), rel=1e-4
    )
    path.write_text(STORY * 30)
    assert 1 < float(run("perplexity.py", model_path, path, 64).split()[1]) < 100


def test_distill(model_path: str, model: linnet.Model, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(STORY + "\n\nThe old bear slept.\n")
    assert "2 texts" in run("distill.py", model_path, path, tmp_path / "out.npz", 8)
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["ids"].shape == arrays["logprobs"].shape == (len(arrays["tokens"]), 8)
        begin, end = arrays["offsets"][:2]
        logits = model.logits(arrays["tokens"][begin:end])
        np.testing.assert_array_equal(arrays["ids"][begin:end, 0], logits.argmax(axis=1))
        assert (np.diff(arrays["logprobs"].astype(np.float32), axis=1) <= 0).all()


def test_classify(model_path: str) -> None:
    labels = [f'{{"intent":"{name}"' for name in ("turn_on", "turn_off", "set_brightness")]
    for request, best in (
        ("please turn off the radio in the garage", "turn_off"),
        ("dim the kitchen lights to 30 percent", "set_brightness"),
    ):
        assert best in run("classify.py", model_path, request, *labels).splitlines()[0]


def test_search(model_path: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("turn on the radio in the garage\nOne day, a bear went to the forest.\ndim the kitchen lights\n")
    best = run("search.py", model_path, path, "One day, a bear went to the forest.").splitlines()[0]
    assert best.startswith(" 1.000")
    assert "bear" in best


def test_heat_map(model_path: str, tmp_path: pathlib.Path) -> None:
    need_pictures()
    run("heat_map.py", model_path, STORY, tmp_path / "map.png")
    assert is_picture(tmp_path / "map.png")


def test_quantization_error(model_path: str, tmp_path: pathlib.Path) -> None:
    need_pictures()
    told = run("quantization_error.py", model_path, tmp_path / "error.png", "Q6_K", "Q4_0", "Q2_K")
    errors = [float(text.strip("%")) for text in told.splitlines()[1].split()[1:]]
    assert errors == sorted(errors)
    assert is_picture(tmp_path / "error.png")


def test_attention_by_page(model_path: str, tmp_path: pathlib.Path) -> None:
    need_pictures()
    told = run("attention_by_page.py", model_path, STORY * 3, tmp_path / "pages.png").splitlines()
    assert float(told[0].split()[-1]) < 1e-4  # the forward pass written out is the engine's
    for line in told[1:]:
        shares = [float(text.strip("%")) for text in line.split(":")[1].split()]
        assert len(shares) >= 3
        assert sum(shares) == pytest.approx(100, abs=0.5)
    assert is_picture(tmp_path / "pages.png")


def test_ray_pipeline(model_path: str, tmp_path: pathlib.Path) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'linnet[ray]'")
    texts = [f"One day, {name} went to the village." for name in ("Pip", "Sam", "Mia", "Tom", "Ann")]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts))
    told = run("ray_pipeline.py", model_path, path, 2)
    model = linnet.Model(model_path)
    rows = dict(line.rsplit("\t", 1) for line in told.splitlines() if "\t" in line)
    assert set(rows) == set(texts)
    for text, score in rows.items():
        assert float(score) == pytest.approx(model.score(text).mean(), abs=1e-4)
