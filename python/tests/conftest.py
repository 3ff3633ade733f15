"""What the tests share: the bundled models, and small things made of them."""

from __future__ import annotations

import os
import pathlib

import linnet
import pytest

# With tile registers a long prompt has other last bits than its tokens one by one; the tests compare texts and bits.
if linnet.kernels.available()[0] == "amx":
    os.environ.setdefault("LINNET_ISA", linnet.kernels.available()[1])

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "tiny" / "models"


@pytest.fixture(scope="session")
def model_path() -> str:
    return str(MODELS / "tiny-llama.gguf")


@pytest.fixture(scope="session")
def model(model_path: str) -> linnet.Model:
    return linnet.Model(model_path)


@pytest.fixture(scope="session", params=["tiny-llama", "tiny-gemma2", "tiny-phi3"])
def each_model(request: pytest.FixtureRequest) -> linnet.Model:
    return linnet.Model(MODELS / f"{request.param}.gguf")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", default=5, type=float, help="how long test_fuzz.py goes on")
