"""convert/model_card.py - what a person wants to know of a model: name, licence, source, languages; never weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .gguf_writer import Wide

LISTS = {"tags": "general.tags", "language": "general.languages"}
TEXTS = {"license": "general.license", "license_name": "general.license.name", "license_link": "general.license.link"}


def general_keys(folder: Path, config_name: str, parameters: int) -> dict[str, Any]:
    """The keys general.*, as far as the folder says something."""
    card = read_front_matter(folder / "README.md")
    source = str(card.get("model_name") or config_name or folder.resolve().name)
    keys: dict[str, Any] = {"general.type": "model", "general.name": source.rsplit("/", 1)[-1]}
    if "/" in source and not source.startswith(("/", ".")):
        keys["general.organization"] = source.split("/")[-2]
        keys["general.source.repo_url"] = f"https://huggingface.co/{source}"
    keys["general.size_label"] = size_label(parameters)
    keys["general.parameter_count"] = Wide(parameters)
    for name, key in TEXTS.items():
        if isinstance(card.get(name), str):
            keys[key] = card[name]
    keys.update(base_model_keys(card.get("base_model")))
    for name, key in LISTS.items():
        values = card.get(name)
        if values:
            keys[key] = [values] if isinstance(values, str) else values
    return keys


def base_model_keys(base: Any) -> dict[str, Any]:
    """The models that this one was made from."""
    names = [base] if isinstance(base, str) else list(base or [])
    keys: dict[str, Any] = {"general.base_model.count": len(names)} if names else {}
    for i, name in enumerate(names):
        keys[f"general.base_model.{i}.name"] = name.rsplit("/", 1)[-1]
        if "/" in name:
            keys[f"general.base_model.{i}.organization"] = name.split("/")[-2]
            keys[f"general.base_model.{i}.repo_url"] = f"https://huggingface.co/{name}"
    return keys


def size_label(parameters: int) -> str:
    """135M, 1.2B; of a mixture of experts all parameters."""
    for unit, name in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K")):
        if parameters >= unit:
            digits = (
                f"{parameters / unit:.1f}".rstrip("0").rstrip(".")
                if parameters < 10 * unit
                else f"{parameters / unit:.0f}"
            )
            return digits + name
    return str(parameters)


def read_front_matter(path: Path) -> dict[str, Any]:
    """The texts and lists of texts at the top level of a model card's YAML. What else it holds is passed over."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    block = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", text, re.DOTALL)
    values: dict[str, Any] = {}
    key = ""
    for line in block[1].splitlines() if block else []:
        entry = re.match(r"([A-Za-z_][\w-]*):\s*(.*)$", line)
        item = re.match(r"\s*-\s+(.*)$", line)
        if entry:
            key = entry[1]
            values[key] = parse_value(entry[2])
        elif item and key and isinstance(values.get(key), list):
            values[key].append(unquote(item[1]))
    return {name: value for name, value in values.items() if value}


def parse_value(text: str) -> Any:
    """A text, or a list in brackets; an empty list where the value follows on other lines."""
    if not text:
        return []
    if text.startswith("[") and text.endswith("]"):
        return [unquote(part) for part in text[1:-1].split(",") if part.strip()]
    return unquote(text)


def unquote(text: str) -> str:
    """Without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
