"""convert/vocabulary/special.py - which tokens begin, end and pad a text; reads only what the folder says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import read_json_object
from .tokens import CONTROL, NORMAL, USER_DEFINED, Vocabulary

ROLES = ("bos", "eos", "unk", "sep", "pad", "mask")
# Tokens that other programs than the model need to know; models name them by custom.
FILL_IN_THE_MIDDLE = {
    "fim_pre": ("<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<PRE>", "▁<PRE>"),
    "fim_suf": ("<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<SUF>", "▁<SUF>"),
    "fim_mid": ("<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<MID>", "▁<MID>"),
    "fim_pad": ("<|fim_pad|>", "<fim_pad>"),
    "fim_rep": ("<|repo_name|>", "<|fim_repo|>", "<fim_repo>", "<reponame>"),
    "fim_sep": ("<|file_sep|>", "<file_sep>"),
}


def add_special_ids(
    vocabulary: Vocabulary, folder: Path, settings: Mapping[str, Any], model: Mapping[str, Any]
) -> None:
    """By tokenizer_config.json and special_tokens_map.json, then by config.json, then as the vocabulary itself says."""
    mapped = read_json_object(folder / "special_tokens_map.json")
    for role in ROLES:
        found = first_not_none(
            find_text(vocabulary, settings.get(f"{role}_token")),
            find_text(vocabulary, mapped.get(f"{role}_token")),
            first_id(model.get(f"{role}_token_id"), len(vocabulary.texts)),
        )
        if found is not None:
            vocabulary.special[role] = found
    add_ends_of_turns(vocabulary, read_json_object(folder / "generation_config.json"), model)
    for role, texts in FILL_IN_THE_MIDDLE.items():
        known = [id for id in map(vocabulary.added.get, texts) if id is not None]
        if known:
            vocabulary.special[role] = known[0]
    for role in ("bos", "eos"):
        id = vocabulary.special.get(role)
        if id is not None and vocabulary.kinds[id] in (NORMAL, USER_DEFINED):
            vocabulary.kinds[id] = CONTROL


def add_ends_of_turns(vocabulary: Vocabulary, generation: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """The other tokens at which generation stops: GGUF has room for two beside EOS."""
    ends: list[int] = []
    for source in (generation, model):
        ids = source.get("eos_token_id")
        ends += [id for id in (ids if isinstance(ids, list) else [ids]) if type(id) is int]
    others = [
        id for id in dict.fromkeys(ends) if id != vocabulary.special.get("eos") and 0 <= id < len(vocabulary.texts)
    ]
    vocabulary.special.update(zip(("eot", "eom"), others))


def add_text_rules(vocabulary: Vocabulary, tokenizer: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Whether BOS and EOS go around a text: as the settings say, else as the post-processor does."""
    begins, ends = template_ends(vocabulary, tokenizer)
    is_sentence_piece = vocabulary.model == "llama"
    for key, found, default in (("add_bos_token", begins, is_sentence_piece), ("add_eos_token", ends, False)):
        value = settings.get(key)
        if not isinstance(value, bool):
            value = default if found is None else found
        vocabulary.flags[key] = value
    if is_sentence_piece and isinstance(settings.get("add_prefix_space"), bool):
        vocabulary.flags["add_space_prefix"] = settings["add_prefix_space"]


def template_ends(vocabulary: Vocabulary, tokenizer: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """Whether a single text gets BOS before and EOS after it; None where tokenizer.json does not say."""
    if not tokenizer:
        return None, None
    processor = tokenizer.get("post_processor") or {}
    for step in [processor, *(processor.get("processors") or [])]:
        if step.get("type") == "TemplateProcessing":
            parts = [part.get("SpecialToken", {}).get("id") for part in step.get("single") or []]
            return is_role(vocabulary, "bos", parts[:1]), is_role(vocabulary, "eos", parts[-1:])
    return False, False


def is_role(vocabulary: Vocabulary, role: str, texts: list[str | None]) -> bool:
    """Whether the one text is the token of this role; where nothing else names one, it is."""
    found = vocabulary.find(texts[0]) if texts and texts[0] is not None else None
    return found is not None and vocabulary.special.setdefault(role, found) == found


def find_text(vocabulary: Vocabulary, token: Any) -> int | None:
    """A token is named by its text, or by an object that holds it."""
    text = token.get("content") if isinstance(token, dict) else token
    return vocabulary.find(text) if isinstance(text, str) else None


def first_id(value: Any, size: int) -> int | None:
    """One id, or the first of a list, if the vocabulary has it."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if type(value) is int and 0 <= value < size else None


def first_not_none(*values: int | None) -> int | None:
    """The first that was found."""
    return next((value for value in values if value is not None), None)
