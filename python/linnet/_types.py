"""Types that several modules share. Holds no code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Union

import numpy as np
import numpy.typing as npt

Path = Union[str, "os.PathLike[str]"]
"""The place of a file."""

Tokens = Union[Sequence[int], npt.NDArray[np.integer[Any]]]
"""Token ids: a list, a tuple, or an integer array of one dimension."""

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]

StopReason = Literal["running", "end_of_text", "stop_text", "max_tokens", "context_full", "cancelled"]
"""Why a generation ended, or that it has not."""


class SamplingOptions(TypedDict, total=False):
    """How text is generated: when it ends, and how each token is chosen.

    All are keyword arguments of every ``generate``. What is left out (or None) is as the model's file
    recommends, and else as written here. A value that turns a setting off is given in brackets.
    """

    max_tokens: int | None
    """Tokens to generate at most, 256 [below 0: until the text or the context ends]."""
    stop: str | Sequence[str] | None
    """Texts that end the generation; they are not given out, but their tokens stay in the session."""
    seed: int | None
    """The same seed, settings and model give the same text, on every platform. None: a new one each time."""
    temperature: float | None
    """Logits are divided by it, 0.8. 0: always the most probable token (greedy)."""
    dynatemp_range: float | None
    """The temperature moves by up to this with the entropy [0]."""
    dynatemp_exponent: float | None
    """Shape of that movement, 1: linear in the entropy."""
    top_k: int | None
    """Keep the k best, 40 [0]."""
    top_p: float | None
    """Keep the best that make up this probability, 0.95 [1]."""
    min_p: float | None
    """Keep what has this share of the best one's probability, 0.05 [0]."""
    typical_p: float | None
    """Keep the most typical that make up this probability [1]."""
    top_n_sigma: float | None
    """Keep what is within n standard deviations of the best logit [0 or less]."""
    xtc_probability: float | None
    """How often the top choices are excluded [0]."""
    xtc_threshold: float | None
    """What counts as a top choice, 0.1."""
    penalty_last_n: int | None
    """Tokens that the three penalties look back at, 64 [0]; -1: all."""
    penalty_repeat: float | None
    """Logits of tokens seen are divided (below zero: multiplied) by it [1]."""
    penalty_frequency: float | None
    """Taken from the logit for each time that the token was seen [0]."""
    penalty_presence: float | None
    """Taken from the logit once if the token was seen [0]."""
    dry_multiplier: float | None
    """Size of the penalty on tokens that would go on with a repetition [0]."""
    dry_base: float | None
    """It grows by this for each token by which the repetition is longer ..., 1.75."""
    dry_allowed_length: int | None
    """... than this, 2."""
    dry_last_n: int | None
    """Tokens in which repetitions are looked for, 64 [0]; -1: all."""
    dry_breakers: str | Sequence[str] | None
    """Texts over which no repetition reaches."""
    mirostat: int | None
    """2: Mirostat 2 in place of all samplers that remove candidates [0]."""
    mirostat_tau: float | None
    """The surprise it aims at, 5 bits per token."""
    mirostat_eta: float | None
    """How fast it corrects, 0.1."""
    logit_bias: dict[int, float] | None
    """Added to the tokens' logits before all else; ``-inf`` bans a token."""
    order: str | Sequence[str] | None
    """The samplers in the order in which they are applied."""
