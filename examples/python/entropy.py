"""How sure a model is of each token of a text: its surprise and its entropy, printed and plotted.

Usage: entropy.py MODEL.gguf TEXT [PICTURE.png]

The surprise of a token is -log2 of the probability that the model gave it; the entropy is the surprise that the model
expected. Needs matplotlib for the picture: pip install '.[lab]'.
"""

from __future__ import annotations

import sys

import linnet
import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def surprise_and_entropy(model: linnet.Model, tokens: list[int]) -> tuple[Doubles, Doubles]:
    """Both in bits, [tokens - 1]: of every token but the first."""
    logits = model.logits(tokens)[:-1].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    surprise = -log_probabilities[np.arange(len(tokens) - 1), tokens[1:]]
    entropy = -(np.exp(log_probabilities) * log_probabilities).sum(axis=1)
    return surprise / np.log(2), entropy / np.log(2)


def plot(words: list[str], surprise: Doubles, entropy: Doubles, path: str) -> None:
    """Bars for what came, a line for what was expected."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(max(6.0, 0.28 * len(words)), 4), layout="constrained")
    places = np.arange(len(words))
    axes.bar(places, surprise, color="#7aa6c2", label="surprise")
    axes.step(places, entropy, where="mid", color="#c2553f", label="entropy")
    axes.set_xticks(places, [word.replace("\n", "\\n").replace("$", r"\$") for word in words], rotation=90)
    axes.set_ylabel("bits")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    """Prints a table, and draws it where a name for the picture is given."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1])
    tokens = model.tokenize(sys.argv[2])
    surprise, entropy = surprise_and_entropy(model, tokens)
    words = [model.detokenize([token], continues=True) for token in tokens[1:]]
    print(f"{'token':>16}  surprise  entropy")
    for word, bits, expected in zip(words, surprise, entropy):
        print(f"{word!r:>16}  {bits:8.3f}  {expected:7.3f}")
    print(f"{'mean':>16}  {surprise.mean():8.3f}  {entropy.mean():7.3f}")
    if len(sys.argv) == 4:
        plot(words, surprise, entropy, sys.argv[3])


if __name__ == "__main__":
    main()
