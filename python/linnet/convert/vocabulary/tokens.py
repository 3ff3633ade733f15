"""convert/vocabulary/tokens.py - the tokens of a model, and their GGUF keys; never splits a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import fail

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True)
class AddedToken:
    """A token that is found in text before the text is split."""

    id: int
    text: str
    special: bool

    @property
    def is_control(self) -> bool:
        """Special, or looks it: Qwen's <|fim_prefix|> is not called special, and must not be made of plain text."""
        return self.special or (self.text.startswith("<|") and self.text.endswith("|>"))


@dataclass
class Vocabulary:
    """Token `id` is texts[id]; `merges` belongs to byte-level BPE, `scores` to SentencePiece."""

    model: str  # the value of tokenizer.ggml.model: "llama" (SentencePiece) or "gpt2" (byte-level BPE)
    pre: str
    texts: list[str]
    kinds: list[int]
    scores: list[float] | None = None
    merges: list[str] | None = None
    special: dict[str, int] = field(default_factory=dict)  # "bos" -> id
    flags: dict[str, bool] = field(default_factory=dict)  # "add_bos_token" -> value
    added: dict[str, int] = field(default_factory=dict)  # text -> id of the added tokens

    def add(self, tokens: Iterable[AddedToken]) -> None:
        """Puts added tokens at their ids, beyond the present ones or in their place."""
        for token in sorted(tokens, key=lambda one: one.id):
            if not 0 <= token.id < 1 << 24:
                fail("bad_model", f"added token {token.text!r} has the id {token.id}")
            self._grow(token.id + 1)
            self.added[token.text] = token.id
            if self.kinds[token.id] in (NORMAL, UNUSED, USER_DEFINED) or self.texts[token.id] != token.text:
                self.kinds[token.id] = CONTROL if token.is_control else USER_DEFINED
            self.texts[token.id] = token.text

    def fit(self, size: int) -> None:
        """Exactly as many tokens as the embedding has rows; ids that nothing names are unused."""
        self._grow(size)
        if any(kind != UNUSED for kind in self.kinds[size:]):
            dropped = [text for text, kind in zip(self.texts[size:], self.kinds[size:]) if kind == NORMAL]
            if dropped:
                fail(
                    "bad_model",
                    f"the tokenizer has {len(self.texts)} tokens, the embedding {size} rows; "
                    "do the tokenizer and the weights belong together?",
                )
        for values in (self.texts, self.kinds, self.scores or []):
            del values[size:]
        self.special = {role: id for role, id in self.special.items() if id < size}

    def _grow(self, size: int) -> None:
        missing = range(len(self.texts), size)
        self.texts += [f"[PAD{id}]" for id in missing]
        self.kinds += [UNUSED] * len(missing)
        if self.scores is not None:
            self.scores += [-1000.0] * len(missing)

    def find(self, text: str) -> int | None:
        """The id of a token's exact text, an added one before others."""
        if text in self.added:
            return self.added[text]
        return self.texts.index(text) if text in self.texts else None

    def keys(self) -> dict[str, Any]:
        """Without the prefix "tokenizer.ggml."."""
        keys: dict[str, Any] = {"model": self.model, "pre": self.pre, "tokens": distinct(self.texts)}
        if self.scores is not None:
            keys["scores"] = np.array(self.scores, np.float32)
        keys["token_type"] = np.array(self.kinds, np.int32)
        if self.merges is not None:
            keys["merges"] = self.merges
        keys.update({f"{GGUF_ROLES.get(role, role)}_token_id": id for role, id in self.special.items()})
        return keys | self.flags


GGUF_ROLES = {"unk": "unknown", "pad": "padding", "sep": "seperator"}  # "seperator" is how the format spells it


def distinct(texts: list[str]) -> list[str]:
    """Readers look tokens up by their texts: of equal ones the later get a name that no text holds."""
    seen: set[str] = set()
    out = []
    for id, text in enumerate(texts):
        out.append(f"[DUPLICATE{id}]" if text in seen else text)
        seen.add(text)
    return out


def read_added_tokens(
    tokenizer: Mapping[str, Any], config: Mapping[str, Any], legacy: Mapping[str, Any]
) -> list[AddedToken]:
    """From tokenizer.json, tokenizer_config.json and added_tokens.json, the first to name an id wins."""
    found: dict[int, AddedToken] = {}
    for entry in tokenizer.get("added_tokens") or []:
        found.setdefault(entry["id"], AddedToken(entry["id"], entry["content"], bool(entry.get("special"))))
    for id, entry in (config.get("added_tokens_decoder") or {}).items():
        found.setdefault(int(id), AddedToken(int(id), entry["content"], bool(entry.get("special"))))
    for text, id in legacy.items():
        found.setdefault(int(id), AddedToken(int(id), text, False))
    return list(found.values())
