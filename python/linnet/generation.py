"""Text as the model writes it. Never chooses a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from . import _core
    from ._types import StopReason


@dataclass(frozen=True)
class Stats:
    """What a generation took so far."""

    prompt_tokens: int
    tokens: int
    """Tokens generated: those of a stop text are counted, the model's own end of the text is not."""
    time_to_first_token: float
    """Seconds for the prompt and the first token."""
    prompt_tokens_per_second: float
    tokens_per_second: float
    """Of the tokens after the first; 0 where there are none."""
    stop_reason: StopReason


class Generation(Iterator[str], AsyncIterator[str]):
    """Text as the model writes it: an iterator over pieces, for ``for`` and for ``async for``.

    Each piece is one or more whole characters; most are one token. Made by :meth:`linnet.Model.generate`
    and :meth:`linnet.Session.generate`. Nothing is computed before the first piece is asked for.

    Ctrl-C ends it with KeyboardInterrupt, within one token, or within the prompt after the piece of it that is
    being computed; the session then holds what was computed.
    """

    def __init__(self, core: _core.Generation) -> None:
        """Not for users."""
        self._core = core

    def __iter__(self) -> Generation:
        """Itself: it is walked once."""
        return self

    def __next__(self) -> str:
        """Computes up to the next piece. Other threads run meanwhile."""
        piece = self._core.next()
        if piece is None:
            raise StopIteration
        return piece

    def __aiter__(self) -> Generation:
        """Itself: it is walked once."""
        return self

    async def __anext__(self) -> str:
        """Computes up to the next piece in a thread. Cancelling the task ends the generation, then the task."""
        work = asyncio.get_running_loop().run_in_executor(None, self._core.next)
        try:
            piece = await asyncio.shield(work)
        except asyncio.CancelledError:
            self._core.cancel()
            await asyncio.wait([work])  # until then it holds the session
            raise
        if piece is None:
            raise StopAsyncIteration
        return piece

    def read(self) -> str:
        """All that is still to come, as one text."""
        return "".join(self)

    def cancel(self) -> None:
        """Ends the generation after its present token, from any thread."""
        self._core.cancel()

    @property
    def tokens(self) -> list[int]:
        """The tokens generated so far: those of a stop text too, but not the model's own end of the text."""
        return self._core.tokens()

    @property
    def stats(self) -> Stats:
        """Tokens, time to the first of them, and tokens per second, so far."""
        state = self._core.state()
        del state["decode_seconds"]
        return Stats(**state)

    @property
    def stop_reason(self) -> StopReason:
        """Why it ended, or ``"running"``."""
        return cast("StopReason", self._core.state()["stop_reason"])
