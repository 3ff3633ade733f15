"""A small classifier without training: which label does the model find most probable after the text?

Usage: classify.py MODEL.gguf TEXT LABEL LABEL ...

The score of a label is the log-probability of its tokens after the text, less that after no text: what the text
changes, whatever the labels' own frequencies. With a chat model the text is the user's turn, and the label
begins the answer.
"""

from __future__ import annotations

import sys

import linnet
import numpy as np
import numpy.typing as npt


def label_scores(model: linnet.Model, text: str, labels: list[str]) -> npt.NDArray[np.float64]:
    """[labels]: how much more probable the text makes each, in nats."""

    def score(context: str, label: str) -> float:
        is_chat = bool(model.chat_template)
        message = {"role": "user", "content": context}
        prompt = model.encode_chat([message]) if is_chat else model.tokenize(context, goes_on=True)
        tokens = model.tokenize(label, add_special=False)
        return float(model.score(prompt + tokens)[-len(tokens) :].sum())

    return np.array([score(text, label) - score("", label) for label in labels])


def main() -> None:
    """Prints the labels, the best first."""
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1])
    labels = sys.argv[3:]
    scores = label_scores(model, sys.argv[2], labels)
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    for i in np.argsort(-scores):
        print(f"{100 * shares[i]:6.2f} %  {labels[i]}")


if __name__ == "__main__":
    main()
