"""One conversation with a model: what was said, and what the model says next."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import _core
from .adapter import core_pairs
from .generation import Generation

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from ._types import FloatArray, Path, SamplingOptions, Tokens
    from .adapter import AdapterUse
    from .model import Model


class Session:
    """One conversation: a sequence of tokens with its key/value cache.

    Any thread may use it, one at a time: a second one gets an :class:`linnet.Error` instead of waiting.
    Whatever changes the tokens ends a generation that is still open, as cancelled; what fails and changes none
    does not.
    """

    def __init__(
        self,
        model: Model,
        *,
        context: int = 0,
        threads: int | None = None,
        kv_type: str | None = None,
        max_batch: int = 256,
        overflow: Literal["stop", "shift"] = "stop",
        keep: int = 4,
        memory: int = 0,
    ) -> None:
        """Reserves the memory of a conversation.

        Args:
            model: the model; it stays in memory as long as the session.
            context: most tokens. 0: what the model was trained for, at most 4096.
            threads: None: the model's.
            kv_type: type of the key/value cache. None: the model's.
            max_batch: tokens of a prompt computed at once; more is faster and takes more memory.
            overflow: what happens at the end of the context: ``"stop"``: a generation ends, a prompt that does not
                fit is refused; ``"shift"``: the older half of the tokens behind the first ``keep`` is forgotten,
                and the rest computed again.
            keep: tokens that a shift never forgets; all of the context: there is no shift then.
            memory: bytes that the weights, this cache and its scratch may take. 0: the model's. A context of 0
                becomes no larger than this allows.
        """
        self._model = model
        self._core = _core.Session(
            model._core,
            context,
            model._threads if threads is None else threads,
            model._kv_type if kv_type is None else kv_type,
            max_batch,
            overflow,
            keep,
            memory,
        )

    def __len__(self) -> int:
        """Tokens so far."""
        return len(self._core.tokens())

    def __repr__(self) -> str:
        """What it is."""
        return f"<linnet.Session of {self.context} tokens on {self._model!r}>"

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def context(self) -> int:
        """Most tokens that it holds."""
        return self._core.context

    @property
    def threads(self) -> int:
        """Threads that compute."""
        return self._core.threads

    @property
    def isa(self) -> str:
        """The instruction set that computes: ``"avx512vnni"``, ..."""
        return self._core.isa

    @property
    def tokens(self) -> list[int]:
        """All tokens so far."""
        return self._core.tokens()

    @property
    def logits(self) -> FloatArray:
        """What the model expects next: float32 [vocabulary_size]. Computes tokens that are still pending.

        Raises:
            Error: there is no token yet.
        """
        return self._core.logits()

    def append(self, text: str | bytes | Tokens) -> None:
        """Adds a text or tokens, and computes them.

        Args:
            text: a text, which gets BOS where the model wants it and nothing was said before; or tokens.

        Raises:
            Error: an id is outside the vocabulary, or the tokens do not fit: nothing has changed then.
        """
        self._core.append(text)

    def generate(self, prompt: str | bytes | Tokens, **options: Unpack[SamplingOptions]) -> Generation:
        """Goes on with a prompt; it and what is generated become part of the conversation.

        Args:
            prompt: a text, which gets BOS where the model wants it and nothing was said before; or tokens. An
                empty list goes on with what was said.
            **options: see :class:`linnet.SamplingOptions`.

        Returns:
            An iterator over pieces of text, for ``for`` and ``async for``, with ``.stats``.
        """
        return Generation(self._core.generate(prompt, dict(options)))

    def truncate(self, length: int) -> None:
        """Forgets the tokens from ``length`` on.

        Raises:
            Error: unless 0 <= length <= len(session).
        """
        self._core.truncate(length)

    def fork(self) -> Session:
        """A second conversation that starts as a copy of this one; nothing is computed again.

        Both may go on at once in different threads. Cost: a copy of the keys and values so far, and memory for
        a cache and scratch.
        """
        copy = Session.__new__(Session)
        copy._model = self._model
        copy._core = self._core.fork()
        return copy

    def save(self, path: Path) -> None:
        """Writes the conversation to a file, whole or not at all: tokens, keys and values, last logits."""
        self._core.save(os.fspath(path))

    def load(self, path: Path) -> None:
        """Goes on where the session of a file was saved, in place of what was said here.

        Raises:
            Error: the file is damaged, or a session of another model, other adapters or another type of cache, or
                its tokens do not fit. Nothing has changed then.
        """
        self._core.load(os.fspath(path))

    def set_adapters(self, adapters: Iterable[AdapterUse]) -> None:
        """From now on the model speaks with these adapters, in place of those before. Nothing is reloaded.

        The tokens so far stay, and are computed again with the adapters when next needed.

        Args:
            adapters: see :meth:`linnet.Model.with_adapters`.
        """
        self._core.set_adapters(core_pairs(adapters))

    def cancel(self) -> None:
        """Ends what is running, after its present token or piece, from any thread."""
        self._core.cancel()
