"""What each tensor of a model would lose by each type: relative root mean square errors, printed and drawn.

Usage: quantization_error.py MODEL.gguf PICTURE.png [TYPE ...]     (needs matplotlib: pip install '.[lab]')

Best asked of a model in F32, F16 or BF16; of a quantized one the errors are those that come on top.
"""

from __future__ import annotations

import sys

import linnet
import numpy as np
import numpy.typing as npt

TYPES = ["Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q4_0", "IQ4_NL", "Q3_K", "Q2_K"]


def relative_error(values: npt.NDArray[np.float32], kind: str) -> float:
    """The root mean square error by the root mean square of the values; NaN where rows are no whole blocks."""
    if values.shape[-1] % linnet.quant.info(kind).block_length:
        return float("nan")
    restored = linnet.quant.dequantize(linnet.quant.quantize(values, kind), kind)
    return float(np.sqrt(((restored - values) ** 2).mean() / max(float((values**2).mean()), 1e-30)))


def draw(names: list[str], kinds: list[str], errors: npt.NDArray[np.float64], path: str) -> None:
    """A row for each tensor, a column for each type; the colour is the error by the type's median."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(3.2 + 0.75 * len(kinds), 1.4 + 0.23 * len(names)), layout="constrained")
    median = np.nanmedian(errors, axis=0)
    ratios = np.divide(errors, median, out=np.ones_like(errors), where=median > 1e-6)
    image = axes.imshow(ratios, aspect="auto", cmap="coolwarm", vmin=0.9, vmax=1.1)
    for (row, column), error in np.ndenumerate(errors):
        axes.text(column, row, f"{100 * error:.2f}%", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.xaxis.tick_top()
    figure.colorbar(image, ax=axes, extend="both").set_label("relative error, by the median of the type")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    """Prints the table, and draws it."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    kinds = sys.argv[3:] or TYPES
    names, rows = [], []
    with linnet.gguf.open(sys.argv[1]) as file:
        for tensor in file.tensors.values():
            if len(tensor.shape) == 2:
                values = tensor.dequantize()
                names.append(tensor.name)
                rows.append([relative_error(values, kind) for kind in kinds])
    print(f"{'tensor':32}" + "".join(f"{kind:>9}" for kind in kinds))
    for name, row in zip(names, rows):
        print(f"{name:32}" + "".join(f"{100 * error:8.3f}%" for error in row))
    draw(names, kinds, np.array(rows), sys.argv[2])


if __name__ == "__main__":
    main()
