"""Distillation data: a teacher's most probable next tokens and their log-probabilities, for each token of each text.

Usage: distill.py MODEL.gguf TEXT_FILE OUT.npz [K]

Each line of the file is a text. OUT.npz holds, for all texts one after the other:
  tokens    int32   [tokens]      the texts, BOS included
  offsets   int64   [texts + 1]   where each text begins
  ids       int32   [tokens, K]   the K most probable tokens that may follow, the best first
  logprobs  float16 [tokens, K]   their log-probabilities, in nats
"""

from __future__ import annotations

import pathlib
import sys

import linnet
import numpy as np
import numpy.typing as npt


def best(logits: npt.NDArray[np.float32], k: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float16]]:
    """The k highest of each row, and their log-probabilities."""
    ids = np.argpartition(-logits, k - 1, axis=1)[:, :k]
    ids = np.take_along_axis(ids, np.argsort(-np.take_along_axis(logits, ids, axis=1), axis=1), axis=1)
    highest = logits.max(axis=1, keepdims=True)
    total = highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))
    return ids.astype(np.int32), (np.take_along_axis(logits, ids, axis=1) - total).astype(np.float16)


def distill(model: linnet.Model, texts: list[str], k: int) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of the file."""
    tokens = [model.tokenize(text)[: model.context_length] for text in texts]
    pairs = [best(model.logits(ids), k) for ids in tokens]
    return {
        "tokens": np.concatenate([np.array(ids, dtype=np.int32) for ids in tokens]),
        "offsets": np.cumsum([0] + [len(ids) for ids in tokens]),
        "ids": np.concatenate([ids for ids, _ in pairs]),
        "logprobs": np.concatenate([logprobs for _, logprobs in pairs]),
    }


def main() -> None:
    """Writes the file."""
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1])
    k = min(int(sys.argv[4]) if len(sys.argv) == 5 else 32, model.vocabulary_size)
    texts = [line for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if line]
    arrays = distill(model, texts, k)
    np.savez_compressed(sys.argv[3], **arrays)  # type: ignore[arg-type]
    kept = float(np.exp(arrays["logprobs"].astype(np.float64)).sum(axis=1).mean())
    print(f"{len(texts)} texts, {len(arrays['tokens'])} tokens, {k} candidates: {100 * kept:.2f} % of the probability")


if __name__ == "__main__":
    main()
