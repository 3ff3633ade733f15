"""convert/vocabulary/sentence_piece.py - SentencePiece vocabularies, from tokenizer.model or tokenizer.json.

A tokenizer.model is a protocol buffer of few fields, so it is read here. Source of the field numbers:
github.com/google/sentencepiece, sentencepiece_model.proto.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union

from ..errors import fail
from .byte_level import steps
from .tokens import BYTE, NORMAL, UNKNOWN, Vocabulary

Field = tuple[int, Union[int, bytes]]
BPE = 2  # of TrainerSpec.ModelType
SPACE = "\u2581"


def read_fields(data: bytes) -> Iterator[Field]:
    """(number, value) of each field of a message: an int for varints, bytes for what has a length or four bytes."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire in (1, 2, 5):
            length, at = read_varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"wire type {wire}")
        if at > len(data):
            raise ValueError("a field reaches beyond the end")
        yield number, value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at data[at], seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number reaches beyond the end")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise ValueError("a number has too many bytes")


def message(fields: Mapping[int, int | bytes], number: int) -> dict[int, int | bytes]:
    """The fields of a message within a message."""
    value = fields.get(number, b"")
    return dict(read_fields(value)) if isinstance(value, bytes) else {}


def is_sentence_piece(path: Path) -> bool:
    """Llama 3's file of this name is another format: text."""
    try:
        return len(_read_pieces(path.read_bytes())) > 0
    except (OSError, ValueError, struct.error):
        return False


def _read_pieces(data: bytes) -> list[tuple[str, float, int]]:
    pieces = []
    for number, value in read_fields(data):
        if number == 1 and isinstance(value, bytes):
            piece = dict(read_fields(value))
            text, score, kind = piece.get(1, b""), piece.get(2, b"\0\0\0\0"), piece.get(3, NORMAL)
            if not isinstance(text, bytes) or not isinstance(score, bytes) or not isinstance(kind, int):
                raise ValueError("a piece with fields of other types")
            pieces.append((text.decode(), struct.unpack("<f", score)[0], kind))
    return pieces


def from_model(path: Path) -> tuple[Vocabulary, list[str]]:
    """The vocabulary of a tokenizer.model, and what linnet does otherwise, a line each."""
    try:
        data = path.read_bytes()
        pieces, fields = _read_pieces(data), dict(read_fields(data))
        trainer, normalizer = message(fields, 2), message(fields, 3)
    except OSError as error:
        fail("io", f"cannot read {path}: {error.strerror}")
    except (ValueError, struct.error) as error:
        fail("bad_model", f"{path} is no SentencePiece model ({error}); download it again")
    if trainer.get(3, 1) != BPE:
        fail("unsupported", f"{path}: SentencePiece model type {trainer.get(3, 1)!r}; linnet runs BPE (2) only")
    vocabulary = Vocabulary("llama", "default", [], [], [])
    for text, score, kind in pieces:
        vocabulary.texts.append(text)
        vocabulary.kinds.append(kind)
        vocabulary.scores.append(score)  # type: ignore[union-attr]
    for role, number, default in (("unk", 40, 0), ("bos", 41, 1), ("eos", 42, 2), ("pad", 43, -1)):
        id = trainer.get(number, default)
        if isinstance(id, int) and 0 <= id < len(pieces):
            vocabulary.special[role] = id
    vocabulary.flags["add_space_prefix"] = bool(normalizer.get(3, 1))
    return vocabulary, list(_differences(path, normalizer))


def _differences(path: Path, normalizer: Mapping[int, int | bytes]) -> Iterator[str]:
    if normalizer.get(2):
        name = normalizer.get(1, b"")
        text = name.decode(errors="replace") if isinstance(name, bytes) else "of its own"
        yield f"{path.name}: normalization {text} is left out; pass normalized text"
    if normalizer.get(4, 1):
        yield f"{path.name}: runs of spaces are not reduced to one"


def is_sentence_piece_json(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json's BPE works on characters with U+2581 for spaces, as SentencePiece does."""
    model = tokenizer.get("model") or {}
    pre = tokenizer.get("pre_tokenizer") or {}
    return model.get("type") == "BPE" and (bool(model.get("byte_fallback")) or pre.get("type") == "Metaspace")


def from_json(tokenizer: Mapping[str, Any], merges: list[tuple[str, str]]) -> tuple[Vocabulary, list[str]]:
    """A token's score is the place of the first merge that makes it: then both ways of merging agree."""
    model = tokenizer["model"]
    size = max(model["vocab"].values(), default=-1) + 1
    vocabulary = Vocabulary("llama", "default", [], [], [])
    vocabulary._grow(size)
    scores: dict[str, float] = {}
    for left, right in merges:
        scores.setdefault(left + right, -float(len(scores)))
    for text, id in model["vocab"].items():
        vocabulary.texts[id] = text
        vocabulary.kinds[id] = kind_of(text, model)
        vocabulary.scores[id] = scores.get(text, -1e6)  # type: ignore[index]
    unknown = model["vocab"].get(model.get("unk_token"))
    if unknown is not None:
        vocabulary.special["unk"] = unknown
    vocabulary.flags["add_space_prefix"] = adds_space_prefix(tokenizer)
    kinds = [str(step.get("type")) for step in steps(tokenizer.get("normalizer"))]
    others = [kind for kind in kinds if kind not in ("Prepend", "Replace")]
    left_out = f"tokenizer.json: normalization {', '.join(others)} is left out; pass normalized text"
    return vocabulary, [left_out] if others else []


def kind_of(text: str, model: Mapping[str, Any]) -> int:
    """Unknown, byte or normal, by its text."""
    if text == model.get("unk_token"):
        return UNKNOWN
    return BYTE if model.get("byte_fallback") and re.fullmatch("<0x[0-9A-F]{2}>", text) else NORMAL


def adds_space_prefix(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a space is put before a text, by normalizer or pre-tokenizer."""
    steps = [tokenizer.get("normalizer") or {}, tokenizer.get("pre_tokenizer") or {}]
    for step in steps:
        for part in [step, *(step.get("normalizers") or []), *(step.get("pretokenizers") or [])]:
            if part.get("type") == "Prepend" and part.get("prepend") == SPACE:
                return True
            if part.get("type") == "Metaspace":
                scheme = part.get("prepend_scheme") or ("always" if part.get("add_prefix_space", True) else "never")
                return bool(scheme != "never")
    return False
