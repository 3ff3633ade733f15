"""An open model: load, tokenize, look at logits, generate. Never holds a conversation."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from . import _core
from ._errors import Error
from .adapter import core_pairs
from .session import Session

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from ._types import DoubleArray, FloatArray, Path, SamplingOptions, Tokens
    from .adapter import AdapterUse
    from .generation import Generation


def _is_message(message: object) -> bool:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        return False
    return "content" in message or "tool_calls" in message


def _to_json(value: object, name: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Error("invalid_argument", f"{name}: expected what JSON has: {error}") from error


class Model:
    """A model as a GGUF file describes it. Immutable: one serves any number of threads and sessions.

    Example:
        >>> model = linnet.Model("model.gguf")
        >>> for piece in model.generate("Once upon a time", max_tokens=100):
        ...     print(piece, end="", flush=True)

    Every long call releases the interpreter's lock, and Ctrl-C ends it (within one token, or one piece of 256
    tokens of a long prompt). After :meth:`close`, or the end of a ``with`` block, every use but ``repr()`` is
    an :class:`linnet.Error`.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 0,
        kv_type: str = "f16",
        mmap: bool = False,
        float32: bool = False,
        memory: int = 0,
        reproducible: bool = False,
    ) -> None:
        """Opens a GGUF file, or all parts of a split one given any of them, and packs its weights (but see mmap).

        Args:
            path: the file.
            threads: that load it, and that each call uses unless it says otherwise. 0: what the machine
                grants, or the environment variable LINNET_THREADS.
            kv_type: the type of key/value caches: ``"f32"``, ``"f16"``, ``"bf16"`` or ``"q8_0"``.
            memory: bytes that the weights, and with them the cache and scratch of each session, may take; what
                does not fit is refused before it is taken. 0: no limit.
            mmap: leave the weights in the mapped file, shared with other processes, and pack them whenever they
                are read: the same bits, ready at once, and slower the fewer tokens are computed at once. Replace the
                file by renaming only: a process that reads where it was cut short ends with SIGBUS.
            float32: multiply in float32 and round no activation, weights in the file: what other ways of computing
                are measured against, and many times slower. With ``kv_type="f32"`` nothing is rounded.
            reproducible: the same bits however many tokens are computed at once, with AMX too, where that costs
                speed. Elsewhere it is always so.

        Raises:
            Error: the file cannot be read, is malformed (``code`` says how), or is no model that linnet runs.
        """
        self._open: _core.Model | None = None
        self._open = _core.Model(os.fspath(path), threads, kv_type, mmap, float32, memory, reproducible)
        self._path = os.fspath(path)
        self._threads = threads
        self._kv_type = kv_type

    @property
    def _core(self) -> _core.Model:
        if self._open is None:
            raise Error("invalid_argument", "the model is closed; open it again with linnet.Model(path)")
        return self._open

    def with_adapters(self, adapters: Iterable[AdapterUse]) -> Model:
        """The same model, sharing its weights, with adapters in place of the present ones.

        Args:
            adapters: of this model; each alone, or with its scale: ``(adapter, 0.5)``. Several add up. None at
                all: the model alone.
        """
        tuned = Model.__new__(Model)
        tuned.__dict__.update(self.__dict__, _open=self._core.with_adapters(core_pairs(adapters)))
        return tuned

    def close(self) -> None:
        """Gives up the weights once the last session on them is gone. Work that is running goes on."""
        self._open = None
        self.__dict__.pop("metadata", None)

    def __enter__(self) -> Model:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the model."""
        self.close()

    def __repr__(self) -> str:
        """What it is: path, architecture, type."""
        if self._open is None:
            return f"<linnet.Model {self._path!r}, closed>"
        size = f"{self.weight_bytes / 1e6:.1f} MB"
        return f"<linnet.Model {self._path!r}: {self.architecture}, {self.weight_type}, {size}>"

    # What the file says

    @property
    def architecture(self) -> str:
        """The file's general.architecture: ``"llama"``, ``"gemma2"``, ..."""
        return self._core.architecture

    @property
    def vocabulary_size(self) -> int:
        """Tokens of the vocabulary: the length of a row of logits."""
        return self._core.vocabulary

    @property
    def context_length(self) -> int:
        """Tokens that the model was trained to see."""
        return self._core.context

    @property
    def embedding_size(self) -> int:
        """Width of the residual stream."""
        return self._core.embedding

    @property
    def layer_count(self) -> int:
        """Blocks of the network."""
        return self._core.layers

    @property
    def weight_type(self) -> str:
        """The tensor type that most of the weights' bytes have: ``"Q4_K"``, ..."""
        return self._core.type

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights in the file."""
        return self._core.weight_bytes

    @property
    def bos(self) -> int | None:
        """The token that begins a text, where the model has one."""
        return self._core.bos

    @property
    def eos(self) -> int | None:
        """The token that ends a text, where the model has one."""
        return self._core.eos

    @property
    def chat_template(self) -> str:
        """The Jinja source of the model's chat template; empty where it has none."""
        return self._core.chat_template

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The file's keys and values; arrays of numbers are NumPy arrays."""
        return MappingProxyType(self._core.metadata())

    # Text and tokens

    def tokenize(
        self, text: str | bytes, *, add_special: bool = True, parse_special: bool = True, goes_on: bool = False
    ) -> list[int]:
        """The tokens of a text.

        Args:
            text: text, or bytes, which need not be UTF-8.
            add_special: put BOS before and EOS after, by the file's rule.
            parse_special: control tokens written in the text become tokens; False: they are text.
            goes_on: the text is a beginning, which the model will continue: no EOS.
        """
        return self._core.tokenize(text, add_special, parse_special, goes_on)

    def detokenize(self, tokens: Tokens, *, special: bool = False, continues: bool = False) -> str:
        """The text of tokens; broken sequences of bytes become U+FFFD.

        Args:
            tokens: ids of the vocabulary.
            special: write the texts of control tokens, too.
            continues: the tokens go on after other text: a space that the first begins with is text.
        """
        return self._core.detokenize(tokens, special, continues)

    def token_bytes(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token as it stands within a text: maybe part of a character."""
        return self._core.piece(token, special)

    def is_end_of_generation(self, token: int) -> bool:
        """Whether generation stops at this token. False outside the vocabulary."""
        return self._core.is_end_of_generation(token)

    def encode_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        parse_special: bool = True,
        **variables: Any,
    ) -> list[int]:
        """The prompt that asks for the next answer: the model's chat template over the messages, as tokens.

        Args:
            messages: each with ``"role"`` and ``"content"`` (or ``"tool_calls"``), and with whatever else the
                template knows: all of it is what JSON has.
            add_generation_prompt: end with what opens the assistant's turn.
            parse_special: control tokens written in the messages become tokens. False: they are text, so that
                nobody's words can end a turn or begin another. User-defined tokens of the vocabulary stay
                tokens. A template that puts its own control tokens together from pieces is refused then.
            variables: what else the template knows, such as ``tools=[...]`` (their JSON schemas) or
                ``enable_thinking=False``.

        Raises:
            Error: the model has no chat template, or its template refuses the messages.
        """
        turns = []
        for message in messages:
            if not _is_message(message):
                raise Error("invalid_argument", 'messages: expected dictionaries with "role" and "content"')
            turns.append(dict(message))
        return self._core.encode_chat(
            _to_json(turns, "messages"), _to_json(variables, "variables"), add_generation_prompt, parse_special
        )

    # The network

    def logits(self, tokens: Tokens, *, threads: int | None = None) -> FloatArray:
        """What the model expects after each of the tokens.

        Args:
            tokens: ids, with BOS where the model wants it: see :meth:`tokenize`.
            threads: None: the model's.

        Returns:
            float32 [tokens, vocabulary_size]: row i is what may follow tokens[: i + 1]. The same to the bit
            for any number of threads.
        """
        return _core.logits(self._core, tokens, self._threads if threads is None else threads, self._kv_type)

    def score(self, text: str | bytes | Tokens, *, threads: int | None = None) -> DoubleArray:
        """The log-probability of each token of a text, in nats, given those before it.

        Args:
            text: a text, which gets BOS where the model wants it, or tokens as they are.
            threads: None: the model's.

        Returns:
            float64 [tokens - 1]: element i belongs to token i + 1, since nothing comes before the first.
            Holds the logits of at most 256 tokens in memory.
        """
        tokens = self._to_tokens(text)
        return _core.score(self._core, tokens, self._threads if threads is None else threads, self._kv_type)

    def embed(
        self,
        texts: Sequence[str | bytes | Tokens],
        *,
        pooling: Literal["mean", "last", "first"] = "mean",
        normalize: bool = True,
        threads: int | None = None,
    ) -> FloatArray:
        """A vector for each text: its final hidden states, pooled. Short texts are computed side by side.

        Args:
            texts: which get BOS and EOS where the model wants them; or tokens as they are.
            pooling: ``"mean"`` of all tokens' states, that of the ``"last"`` token, or of the ``"first"``.
            normalize: vectors of length 1, so that their products are cosines.
            threads: None: the model's.

        Returns:
            float32 [texts, embedding_size]

        Raises:
            Error: a text has no tokens.
        """
        if isinstance(texts, (str, bytes)):
            raise Error("invalid_argument", "texts: expected a sequence of texts, found one text")
        tokens = [self._to_tokens(text) for text in texts]
        team = self._threads if threads is None else threads
        return _core.embed(self._core, tokens, pooling, normalize, team, self._kv_type)

    def generate(self, prompt: str | bytes | Tokens, **options: Unpack[SamplingOptions]) -> Generation:
        """Goes on with a prompt, in a session of its own that is as large as needed.

        Args:
            prompt: a text, which gets BOS where the model wants it, or tokens as they are.
            **options: see :class:`linnet.SamplingOptions`.

        Returns:
            An iterator over pieces of text, for ``for`` and ``async for``, with ``.stats``.
        """
        tokens = self._to_tokens(prompt, goes_on=True)
        max_tokens = options.get("max_tokens")
        try:
            room = 256 if max_tokens is None else operator.index(max_tokens)
        except TypeError:
            room = 0  # the session says what is wrong
        fits = 0 <= room < self.context_length - len(tokens)
        return Session(self, context=max(len(tokens) + room, 1) if fits else self.context_length).generate(
            tokens, **options
        )

    def batch_generate(
        self,
        prompts: Sequence[str | bytes | Tokens],
        *,
        batch_size: int | None = None,
        context: int = 0,
        threads: int | None = None,
        **options: Unpack[SamplingOptions],
    ) -> list[str]:
        """Goes on with many prompts at once: every step computes one token of each in one pass.

        Args:
            prompts: texts or tokens, as for :meth:`generate`.
            batch_size: prompts at once; when one ends, the next takes its place. None: 32, or a half of that, a
                quarter, ... where the model's memory holds no more.
            context: tokens of a prompt and its answer at most. 0: what the model was trained for.
            threads: None: the model's.
            **options: see :class:`linnet.SamplingOptions`; a seed is that of every prompt.

        Returns:
            The texts, in the order of the prompts: each is what :meth:`generate` gives for it alone.
        """
        if isinstance(prompts, (str, bytes)):
            raise Error("invalid_argument", "prompts: expected a sequence of prompts, found one text")
        tokens = [self._to_tokens(prompt, goes_on=True) for prompt in prompts]
        team = self._threads if threads is None else threads
        return _core.batch_generate(self._core, tokens, dict(options), batch_size, context, team, self._kv_type)

    def _to_tokens(self, text: str | bytes | Tokens, *, goes_on: bool = False) -> Tokens:
        return self.tokenize(text, goes_on=goes_on) if isinstance(text, (str, bytes)) else text
