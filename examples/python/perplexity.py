"""The perplexity of a file: exp of the mean surprise, each token scored with at least half a window before it.

Usage: perplexity.py MODEL.gguf TEXT_FILE [WINDOW]
"""

from __future__ import annotations

import pathlib
import sys

import linnet
import numpy as np


def perplexity(model: linnet.Model, text: str, window: int = 512) -> tuple[float, float, int]:
    """The perplexity, its standard error as if tokens were independent, and the tokens that were scored."""
    tokens = model.tokenize(text, add_special=False)
    bos = model.tokenize("")[:1]  # what the model wants before a text, if anything
    scores: list[float] = []
    scored, room = 1 - len(bos), window - len(bos)
    for begin in range(0, len(tokens), max(window // 2, 1)):
        end = min(len(tokens), begin + room)
        if end > scored:
            fresh = model.score(bos + tokens[begin:end])[-(end - scored) :]
            scores.extend(fresh)
            scored = end
    losses = -np.array(scores)
    result = float(np.exp(losses.mean()))
    return result, float(result * losses.std(ddof=1) / np.sqrt(len(losses))), len(losses)


def main() -> None:
    """Prints one line."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1])
    window = int(sys.argv[3]) if len(sys.argv) == 4 else min(512, model.context_length)
    value, error, count = perplexity(model, pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"), window)
    print(f"perplexity {value:.4f} +- {error:.4f} over {count} tokens")


if __name__ == "__main__":
    main()
