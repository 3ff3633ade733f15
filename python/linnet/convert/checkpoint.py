"""convert/checkpoint.py - a Hugging Face folder: its configuration and the weights of all its shards; never writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import fail
from .safetensors import Shard, StoredTensor

INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises io or bad_model, naming the file."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        fail("io", f"cannot read {path}: {error.strerror}")
    except (ValueError, RecursionError) as error:
        fail("bad_model", f"{path} is no JSON ({error}); download it again")


def read_json_object(path: Path) -> dict[str, Any]:
    """Empty where the file does not exist."""
    if not path.is_file():
        return {}
    value = read_json(path)
    if not isinstance(value, dict):
        fail("bad_model", f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


class Config:
    """config.json, or one part of it. Reads are checked and name the key."""

    def __init__(self, values: dict[str, Any], path: Path) -> None:
        """Reads from `values`; `path` is for errors."""
        self.values = values
        self.path = path

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.values.get(key) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """The value; `default` where the key is missing or null."""
        value = self.values.get(key)
        return default if value is None else value

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number of at least 0; `default` where the key is missing or null."""
        value = self._number(key, default)
        if value != int(value) or value < 0:
            self.refuse(key, "a whole number of at least 0")
        return int(value)

    def real(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        return float(self._number(key, default))

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            self.refuse(key, "true or false")
        return bool(value)

    def integers(self, key: str, count: int) -> list[int]:
        """One integer per layer."""
        values = self.get(key)
        if not isinstance(values, list) or len(values) != count or not all(type(v) is int and v >= 0 for v in values):
            self.refuse(key, f"a list of {count} whole numbers, one per layer")
        return list(values)

    def section(self, key: str) -> Config:
        """An object; an empty one where the key is missing."""
        value = self.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return Config(value, self.path)

    def refuse(self, key: str, expected: str) -> Any:
        """Raises bad_model, naming the key, what was expected and what was found."""
        found = json.dumps(self.values.get(key))
        fail("bad_model", f'{self.path}: "{key}": expected {expected}, found {found[:60]}')

    def require(self, key: str, value: Any, default: Any, why: str = "") -> None:
        """Refuses a model that linnet would run wrongly: `key` is neither missing nor `value`."""
        found = self.get(key, default)
        allowed = value if isinstance(value, (tuple, list)) else (value,)
        if found not in allowed:
            wanted = " or ".join(json.dumps(one) for one in allowed)
            fail(
                "unsupported",
                f'{self.path}: "{key}": linnet runs this architecture with {wanted} only, '
                f"found {json.dumps(found)}{why and '; '}{why}",
            )

    def _number(self, key: str, default: float | None) -> float:
        value: int | float = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or abs(value) > 1e18:
            self.refuse(key, "a number")
        return value


class Checkpoint:
    """All tensors of a folder by name, wherever they lie. Close it, or use it in a `with`."""

    def __init__(self, folder: Path, weights: list[Path] | None = None) -> None:
        """Opens the shards of `folder`, or the files `weights` instead, and reads their directories."""
        self.folder = folder
        self._shards: list[Shard] = []
        self.tensors: dict[str, StoredTensor] = {}
        for path in find_shards(folder) if weights is None else weights:
            self._add(Shard(path))

    def _add(self, shard: Shard) -> None:
        self._shards.append(shard)
        for name, tensor in shard.tensors.items():
            if name in self.tensors:
                fail("bad_model", f"{shard.path}: tensor {name!r} is also in {self.tensors[name].shard.path.name}")
            self.tensors[name] = tensor

    def __enter__(self) -> Checkpoint:
        """Nothing happens: the files are open."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Closes the files."""
        for shard in self._shards:
            shard.close()


def read_config(folder: Path) -> Config:
    """A model's config.json."""
    if not folder.is_dir():
        fail("io", f"{folder} is no folder; expected one with config.json, as downloaded from Hugging Face")
    path = folder / "config.json"
    if not path.is_file():
        fail("io", f"{path} is missing; expected a model's folder, as downloaded from Hugging Face")
    return Config(read_json_object(path), path)


def find_shards(folder: Path) -> list[Path]:
    """The weights' files in order; all that the index names, or whose names say that they belong together."""
    index = folder / INDEX
    if index.is_file():
        weight_map = read_json_object(index).get("weight_map")
        if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
            fail("bad_model", f'{index}: expected an object "weight_map" of file names; download it again')
        return [_existing(folder, name, INDEX) for name in sorted(set(weight_map.values()))]
    found = sorted(path.name for path in folder.glob("*.safetensors") if not path.name.startswith("consolidated"))
    if not found:
        pickles = [name for name in PICKLES if (folder / name).is_file()]
        hint = (
            f"; {pickles[0]} is Python's pickle format, which can run code: save the model as safetensors"
            if pickles
            else ""
        )
        fail("io", f"{folder} has no .safetensors file{hint}")
    return [folder / name for name in _complete(folder, found)]


def _existing(folder: Path, name: str, source: str) -> Path:
    if Path(name).name != name:
        fail("bad_model", f"{folder / source}: {name!r} is no file name")
    if not (folder / name).is_file():
        fail("io", f"{folder / name} is missing, though {source} names it; is the download complete?")
    return folder / name


def _complete(folder: Path, found: list[str]) -> Iterable[str]:
    if "model.safetensors" in found:
        return ["model.safetensors"]
    for name in found:
        part = re.fullmatch(r"(.*)-(\d+)-of-(\d+)\.safetensors", name)
        if part:
            width, count = len(part[3]), int(part[3])
            names = [f"{part[1]}-{i:0{width}}-of-{part[3]}.safetensors" for i in range(1, count + 1)]
            for one in names:
                _existing(folder, one, name)
            return names
    return found
