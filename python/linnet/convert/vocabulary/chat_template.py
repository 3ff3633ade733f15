"""convert/vocabulary/chat_template.py - a folder's chat templates, wherever they lie; never renders one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import read_json_object


def chat_template_keys(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The one that has no name, or is called "default", is the template; others are kept under their names."""
    template = settings.get("chat_template")
    if template is None:
        template = read_json_object(folder / "chat_template.json").get("chat_template")
    named: dict[str, str] = {}
    if isinstance(template, str):
        named["default"] = template
    elif isinstance(template, list):
        named.update(
            {str(one.get("name")): one["template"] for one in template if isinstance(one.get("template"), str)}
        )
    named.update(read_template_files(folder))
    keys: dict[str, Any] = {"tokenizer.chat_template": named.pop("default")} if "default" in named else {}
    if named:
        keys["tokenizer.chat_templates"] = sorted(named)
    return keys | {f"tokenizer.chat_template.{key_name(name)}": text for name, text in sorted(named.items())}


def read_template_files(folder: Path) -> dict[str, str]:
    """chat_template.jinja, and additional_chat_templates/NAME.jinja."""
    paths = {path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        paths["default"] = folder / "chat_template.jinja"
    return {name: path.read_text(encoding="utf-8", errors="replace") for name, path in paths.items()}


def key_name(name: str) -> str:
    """The name as a part of a key."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())
