"""The texts that mean most nearly the same: embeddings searched by cosine.

Usage: search.py MODEL.gguf TEXT_FILE QUERY [COUNT]

Each line of the file is a text. A vector is the mean of the text's hidden states, less the mean of all texts' vectors:
what all have in common would make everything alike.
"""

from __future__ import annotations

import pathlib
import sys

import linnet
import numpy as np
import numpy.typing as npt


class Index:
    """Texts, and where they lie."""

    def __init__(self, model: linnet.Model, texts: list[str]) -> None:
        """Embeds the texts."""
        self.model = model
        self.texts = texts
        vectors = model.embed(texts)
        self.centre = vectors.mean(axis=0)
        self.vectors = self.unit(vectors)

    def unit(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Vectors from the centre, of length 1."""
        away = vectors - self.centre
        result: npt.NDArray[np.float32] = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
        return result

    def search(self, query: str, count: int) -> list[tuple[float, str]]:
        """The nearest texts and their cosines, the nearest first."""
        cosines = self.vectors @ self.unit(self.model.embed([query]))[0]
        return [(float(cosines[i]), self.texts[i]) for i in np.argsort(-cosines)[:count]]


def main() -> None:
    """Prints the nearest texts."""
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    texts = [line for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if line]
    index = Index(linnet.Model(sys.argv[1]), texts)
    for cosine, text in index.search(sys.argv[3], int(sys.argv[4]) if len(sys.argv) == 5 else 5):
        print(f"{cosine:6.3f}  {text}")


if __name__ == "__main__":
    main()
