"""Importance matrices beside the inputs of a forward pass written out: the right sums for the right columns, used."""

from __future__ import annotations

import importlib.util
import pathlib
from collections import defaultdict
from typing import Any

import linnet
import numpy as np
import pytest
from conftest import ROOT
from convert_support import needs_program, run_linnet
from linnet import gguf

pytestmark = needs_program


def load_example() -> Any:
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "python" / "attention_by_page.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def collect(path: str, texts: list[str]) -> dict[str, np.ndarray]:
    """What each matrix of the layers is multiplied by: [tokens, columns]."""
    inputs = defaultdict(list)

    class Watched(load_example().Llama):  # type: ignore[misc]
        def multiply(self, name: str, x: np.ndarray) -> Any:
            inputs[name].append(np.array(x, dtype=np.float64))
            return super().multiply(name, x)

    watched, model = Watched(path), linnet.Model(path)
    for text in texts:
        watched.run(model.tokenize(text))
    return {name: np.concatenate(parts) for name, parts in inputs.items() if name.startswith("blk.")}


@pytest.fixture(scope="module")
def stories() -> list[str]:
    return (ROOT / "examples" / "tiny" / "heldout" / "stories.txt").read_text().split("\n")[:24]


@pytest.fixture(scope="module")
def matrix(model_path: str, stories: list[str], tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("imatrix")
    (folder / "texts.txt").write_text("\n".join(stories[:12]) + "\n")
    path = folder / "matrix.gguf"
    done = run_linnet("imatrix", "-m", model_path, "-f", folder / "texts.txt", "--lines", "-o", path)
    assert done.returncode == 0, done.stderr
    return path


def test_sums_belong_to_their_columns(model_path: str, stories: list[str], matrix: pathlib.Path) -> None:
    with gguf.open(matrix) as file:
        sums = {name: tensor.dequantize().reshape(-1) for name, tensor in file.tensors.items()}
    inputs = collect(model_path, stories[:12])
    assert len(inputs) == 28
    for name, x in inputs.items():
        assert sums[f"{name}.counts"] == [len(x)]
        expected = (x**2).sum(axis=0)
        np.testing.assert_allclose(sums[f"{name}.in_sum2"], expected, atol=0.02 * expected.max())


@pytest.mark.parametrize("type", ["q2_k", "q3_k_s", "q4_0"])
def test_products_of_other_texts_are_nearer(
    type: str, model_path: str, stories: list[str], matrix: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    inputs = collect(model_path, stories[12:])

    def errors(*more: object) -> dict[str, float]:
        """The relative squared error of the products, by kind of matrix."""
        done = run_linnet("quantize", model_path, tmp_path / "q.gguf", type, *more)
        assert done.returncode == 0, done.stderr
        found = defaultdict(list)
        with gguf.open(tmp_path / "q.gguf") as new, gguf.open(model_path) as old:
            for name, x in inputs.items():
                weights = old.tensors[name].dequantize()
                wrong = x @ (new.tensors[name].dequantize() - weights).T
                found[name.split(".")[2]].append((wrong**2).sum() / ((x @ weights.T) ** 2).sum())
        return {kind: float(np.mean(values)) for kind, values in found.items()}

    plain, weighted = errors(), errors("--imatrix", matrix)
    change = {kind: weighted[kind] / plain[kind] - 1 for kind in plain}
    print(type, ", ".join(f"{kind} {value:+.1%}" for kind, value in change.items()))
    assert change["ffn_down"] < -0.05  # whose inputs differ most in size
    assert sum(weighted.values()) < sum(plain.values())
