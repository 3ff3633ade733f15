"""Documents scored or continued on many machines, by Ray Data. Needs the extra: pip install 'linnet[ray]'.

Example:
    >>> import ray.data
    >>> from linnet.ray import Scorer
    >>> documents = ray.data.read_text("documents.txt")
    >>> scored = documents.map_batches(Scorer, fn_constructor_args=("model.gguf",), concurrency=2, num_cpus=4)

The classes need no Ray themselves: each is what ``map_batches`` takes as an actor. Each actor loads the model once.
The file must be at the same path on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .model import Model

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack

    from ._types import Path, SamplingOptions

    Batch = dict[str, npt.NDArray[Any]]


class Scorer:
    """Adds to each document how probable the model finds it.

    Columns: ``score``, the mean log-probability of its tokens in nats (NaN where there are none to score), and
    ``tokens``, how many were scored.
    """

    def __init__(self, path: Path, *, column: str = "text", threads: int = 0, **options: Any) -> None:
        """Loads the model.

        Args:
            path: of the model.
            column: that holds the documents.
            threads: of this actor; as many as the CPUs that Ray reserves for it.
            **options: of :class:`linnet.Model`.
        """
        self._model = Model(path, threads=threads, **options)
        self._column = column

    def __call__(self, batch: Batch) -> Batch:
        """Scores a batch; documents longer than the model's context are cut there."""
        scores = []
        for text in batch[self._column]:
            tokens = self._model.tokenize(str(text))[: self._model.context_length]
            scores.append(self._model.score(tokens))
        batch["score"] = np.array([score.mean() if len(score) else np.nan for score in scores])
        batch["tokens"] = np.array([len(score) for score in scores])
        return batch


class Generator:
    """Adds to each document what the model goes on with, in the column ``generated``."""

    def __init__(
        self, path: Path, *, column: str = "text", threads: int = 0, **options: Unpack[SamplingOptions]
    ) -> None:
        """Loads the model.

        Args:
            path: of the model.
            column: that holds the prompts.
            threads: of this actor; as many as the CPUs that Ray reserves for it.
            **options: see :class:`linnet.SamplingOptions`.
        """
        self._model = Model(path, threads=threads)
        self._column = column
        self._options = options

    def __call__(self, batch: Batch) -> Batch:
        """Goes on with all prompts of a batch at once."""
        prompts = [str(text) for text in batch[self._column]]
        texts = self._model.batch_generate(prompts, **self._options)
        batch["generated"] = np.array(texts, dtype=object)
        return batch
