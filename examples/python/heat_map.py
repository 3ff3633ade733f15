"""A text with each token on the colour of its probability: white was expected, red was a surprise.

Usage: heat_map.py MODEL.gguf TEXT PICTURE.png        (needs matplotlib: pip install '.[lab]')
"""

from __future__ import annotations

import sys

import linnet

LINE = 72  # characters


def draw(words: list[str], scores: list[float], path: str) -> None:
    """Writes the words line by line, each in a box of its colour."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import cm, colors, pyplot

    norm = colors.Normalize(vmin=-8.0, vmax=0.0)
    lines, column, places = 1, 0, []
    for word in words:
        if column + len(word) > LINE or word.startswith("\n"):
            lines, column = lines + 1, 0
        places.append((column, lines))
        column += max(len(word.strip("\n")), 1)
    figure, axes = pyplot.subplots(figsize=(10, 0.8 + 0.34 * lines), layout="constrained")
    axes.set(xlim=(0, LINE), ylim=(lines + 0.6, 0.4))
    axes.axis("off")
    for (x, y), word, score in zip(places, words, scores):
        shown = word.strip("\n").replace("$", r"\$")
        axes.barh(y, len(word.strip("\n")), left=x, height=0.86, color=pyplot.get_cmap("Reds_r")(norm(score)))
        axes.text(
            x, y, shown, family="monospace", fontsize=11, va="center", color="#222" if norm(score) > 0.4 else "white"
        )
    bar = figure.colorbar(cm.ScalarMappable(norm, "Reds_r"), ax=axes, fraction=0.02, pad=0.01)
    bar.set_label("log-probability, nats")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    """Draws the picture."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1])
    tokens = model.tokenize(sys.argv[2])
    words = [model.detokenize([token], continues=True) for token in tokens[1:]]
    draw(words, model.score(tokens).tolist(), sys.argv[3])


if __name__ == "__main__":
    main()
