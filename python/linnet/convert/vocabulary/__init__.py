"""convert/vocabulary - the tokenizer of a Hugging Face folder as GGUF keys: tokens, special ids, chat template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint import read_json_object
from ..errors import fail
from . import byte_level, sentence_piece
from .chat_template import chat_template_keys
from .special import add_special_ids, add_text_rules
from .tokens import Vocabulary, read_added_tokens

FILES = ("tokenizer.model", "tokenizer.json")


def tokenizer_keys(folder: Path, size: int, model: Mapping[str, Any], family: str) -> tuple[dict[str, Any], list[str]]:
    """The keys of a vocabulary with `size` tokens, and what a person should know about it.

    `model` is config.json. Of tokenizer.model and tokenizer.json the first is the original, the other a translation.
    """
    tokenizer = read_json_object(folder / "tokenizer.json")
    settings = read_json_object(folder / "tokenizer_config.json")
    vocabulary, notes = read_vocabulary(folder, tokenizer)
    added = read_added_tokens(tokenizer, settings, read_json_object(folder / "added_tokens.json"))
    vocabulary.add(added)
    add_special_ids(vocabulary, folder, settings, model)
    add_text_rules(vocabulary, tokenizer, settings)
    vocabulary.fit(size)
    if family == "phi2" and vocabulary.pre == "gpt-2":
        vocabulary.pre = "phi-2"  # as the field calls it there
    keys = {f"tokenizer.ggml.{key}": value for key, value in vocabulary.keys().items()}
    return keys | chat_template_keys(folder, settings), notes


def read_vocabulary(folder: Path, tokenizer: Mapping[str, Any]) -> tuple[Vocabulary, list[str]]:
    model_path = folder / "tokenizer.model"
    if model_path.is_file() and (not tokenizer or sentence_piece.is_sentence_piece(model_path)):
        return sentence_piece.from_model(model_path)
    source = str(folder / "tokenizer.json")
    if not tokenizer:
        fail(
            "io",
            f"{folder} has no tokenizer; expected {' or '.join(FILES)}: name a folder that has one with --tokenizer",
        )
    try:
        merges = read_merges(tokenizer)
        if byte_level.is_byte_level(tokenizer):
            return byte_level.from_json(tokenizer, merges, source)
        if sentence_piece.is_sentence_piece_json(tokenizer):
            return sentence_piece.from_json(tokenizer, merges)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        fail(
            "bad_model",
            f"{source} is no tokenizer that can be read ({type(error).__name__}: {error}); download it again",
        )
    kind = (tokenizer.get("model") or {}).get("type")
    fail("unsupported", f"{source}: model type {kind!r}; linnet runs byte-level BPE and SentencePiece's BPE")


def read_merges(tokenizer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs; older files join them with a space. Empty for models that do not merge, which have no such list."""
    merges: list[tuple[str, str]] = []
    if tokenizer["model"].get("type") != "BPE":
        return merges
    for merge in tokenizer["model"]["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        merges.append((left, right))
    return merges


__all__ = ["Vocabulary", "tokenizer_keys"]
