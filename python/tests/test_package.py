"""The package itself: the command, the types, the documentation."""

from __future__ import annotations

import inspect
import pathlib
import subprocess
import sys

import linnet
import pytest
from conftest import ROOT
from linnet import cli


def test_version() -> None:
    assert linnet.__version__ in (ROOT / "CMakeLists.txt").read_text()


def test_everything_public_is_documented() -> None:
    """Names that a user can reach, methods and properties included, have a docstring."""
    bare = []
    for module in (linnet, linnet.gguf, linnet.quant, linnet.kernels):
        for name, thing in vars(module).items():
            if name.startswith("_") or not getattr(thing, "__module__", "").startswith("linnet"):
                continue
            members = vars(thing).items() if inspect.isclass(thing) else []
            for member, value in [("", thing), *members]:
                is_code = inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, property)
                if is_code and not member.startswith("_") and not inspect.getdoc(value):
                    bare.append(f"{module.__name__}.{name}.{member}")
    assert bare == []


def test_is_typed() -> None:
    folder = pathlib.Path(linnet.__file__).parent
    assert (folder / "py.typed").exists()
    assert (folder / "_core" / "__init__.pyi").exists()


def test_stubs_name_what_there_is() -> None:
    """The stubs of the compiled module and the module have the same names."""
    import ast

    from linnet import _core

    def public(names: object) -> set[str]:
        return {name for name in names if not name.startswith("_")}  # type: ignore[attr-defined]

    folder = pathlib.Path(linnet.__file__).parent / "_core"
    for stub, module in (
        ("__init__", _core),
        ("gguf", _core.gguf),
        ("quant", _core.quant),
        ("kernels", _core.kernels),
    ):
        tree = ast.parse((folder / f"{stub}.pyi").read_text())
        functions = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        names = functions | {n.target.id for n in tree.body if isinstance(n, ast.AnnAssign)}  # type: ignore[union-attr]
        assert names | ({"gguf", "quant", "kernels"} if stub == "__init__" else set()) == public(vars(module))
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
                assert public(methods) == public(vars(getattr(module, node.name)))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "linnet.cli", *arguments], capture_output=True, text=True, timeout=120)


def test_the_command(model_path: str) -> None:
    if not pathlib.Path(cli.PROGRAM).exists():
        pytest.skip("the program is only in an installed package")
    told = run("run", "-m", model_path, "-p", "One morning, a small fox named Pip", "-n", "20", "--temp", "0")
    assert told.returncode == 0, told.stderr
    assert "treasure map" in told.stdout
    assert run("run", "-m", "/no/such/model.gguf", "-p", "a").returncode != 0
    assert linnet.__version__ in run("--version").stdout


def test_convert_says_what_it_lacks() -> None:
    ran = run("convert")
    assert ran.returncode != 0
    assert ran.stderr.strip()
    assert "Traceback" not in ran.stderr
