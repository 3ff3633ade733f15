"""Where a Llama looks: the share of each head's attention that falls on each page of the cache, layer by layer.

Usage: attention_by_page.py MODEL.gguf TEXT PICTURE.png            (needs matplotlib: pip install '.[lab]')

The forward pass is written out with linnet.gguf and linnet.kernels, since the weights of attention never leave the
engine's own kernel; its logits are compared with the engine's. A page holds 32 positions, as in linnet's cache.
"""

from __future__ import annotations

import sys
from typing import Any

import linnet
import numpy as np
import numpy.typing as npt
from linnet import gguf, kernels

Array = npt.NDArray[np.float32]
PAGE = 32


class Llama:
    """The plainest Llama there is: no cache, all tokens at once, every weight in float."""

    def __init__(self, path: str) -> None:
        """Reads the hyperparameters and all weights."""
        with gguf.open(path) as file:
            key: dict[str, Any] = dict(file.metadata)
            if key["general.architecture"] != "llama":
                sys.exit(f"{path} is a {key['general.architecture']}; this example knows llama alone")
            self.layers = int(key["llama.block_count"])
            self.heads = int(key["llama.attention.head_count"])
            self.kv_heads = int(key.get("llama.attention.head_count_kv", self.heads))
            self.epsilon = float(key["llama.attention.layer_norm_rms_epsilon"])
            self.weights = {name: tensor.dequantize() for name, tensor in file.tensors.items()}
            width = self.weights["token_embd.weight"].shape[1]
            dims = int(key.get("llama.rope.dimension_count", width // self.heads))
            base = float(key.get("llama.rope.freq_base", 10000.0))
        self.frequencies = (base ** (-np.arange(0, dims, 2) / dims)).astype(np.float32)
        if "rope_freqs.weight" in self.weights:
            self.frequencies /= self.weights["rope_freqs.weight"]

    def multiply(self, name: str, x: Array) -> Array:
        """The product with a matrix."""
        weights = self.weights[name]
        return kernels.gemm(weights.view(np.uint8), x, type="F32")

    def norm(self, name: str, x: Array) -> Array:
        """RMS norm."""
        return kernels.rms_norm(x, self.weights[name], epsilon=self.epsilon)

    def attend(self, q: Array, k: Array) -> Array:
        """The weights of attention: [heads, tokens, tokens]."""
        keys = np.repeat(k, self.heads // self.kv_heads, axis=1)
        scores = np.einsum("qhd,khd->hqk", q, keys) / np.sqrt(q.shape[2])
        scores[:, np.triu(np.ones(scores.shape[1:], dtype=bool), 1)] = -np.inf
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        return np.asarray(weights / weights.sum(axis=2, keepdims=True), dtype=np.float32)

    def run(self, tokens: list[int]) -> tuple[Array, Array]:
        """Logits [tokens, vocabulary], and what every head attends to: [layers, heads, tokens, tokens]."""
        x = self.weights["token_embd.weight"][tokens]
        positions = list(range(len(tokens)))
        seen = []
        for layer in range(self.layers):
            name = f"blk.{layer}."
            h = self.norm(name + "attn_norm.weight", x)
            q, k, v = (self.multiply(f"{name}attn_{part}.weight", h) for part in "qkv")
            q, k, v = (part.reshape(len(tokens), -1, q.shape[1] // self.heads) for part in (q, k, v))
            q = kernels.rope(q, positions, self.frequencies, style="interleaved")
            k = kernels.rope(k, positions, self.frequencies, style="interleaved")
            seen.append(self.attend(q, k))
            mixed = kernels.attention(q, k, v).reshape(len(tokens), -1)
            x = x + self.multiply(name + "attn_output.weight", mixed)
            h = self.norm(name + "ffn_norm.weight", x)
            gate, up = self.multiply(name + "ffn_gate.weight", h), self.multiply(name + "ffn_up.weight", h)
            inner = kernels.silu_gate(gate.reshape(-1), up.reshape(-1)).reshape(gate.shape)
            x = x + self.multiply(name + "ffn_down.weight", inner)
        out = "output.weight" if "output.weight" in self.weights else "token_embd.weight"
        return self.multiply(out, self.norm("output_norm.weight", x)), np.stack(seen)


def by_page(attention: Array) -> Array:
    """[layers, pages]: the last token's attention to each page, over all heads."""
    last = attention[:, :, -1].mean(axis=1)
    pages = -(-last.shape[1] // PAGE)
    padded = np.zeros((last.shape[0], pages * PAGE), dtype=np.float32)
    padded[:, : last.shape[1]] = last
    result: Array = padded.reshape(last.shape[0], pages, PAGE).sum(axis=2)
    return result


def draw(shares: Array, path: str) -> None:
    """A row for each layer, a column for each page."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(
        figsize=(3 + 0.5 * shares.shape[1], 2.2 + 0.3 * shares.shape[0]), layout="constrained"
    )
    image = axes.imshow(shares, aspect="auto", cmap="magma", vmin=0.0)
    axes.set(xlabel=f"page of {PAGE} positions", ylabel="layer", title="where the last token looks")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.MaxNLocator(integer=True))
    figure.colorbar(image, ax=axes).set_label("share of attention")
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def main() -> None:
    """Compares the logits, prints the shares, and draws them."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model = linnet.Model(sys.argv[1], float32=True, kv_type="f32")
    tokens = model.tokenize(sys.argv[2])
    logits, attention = Llama(sys.argv[1]).run(tokens)
    expected = model.logits(tokens)
    print(f"largest difference to the engine: {np.abs(logits - expected).max() / np.abs(expected).max():.1e}")
    shares = by_page(attention)
    for layer, row in enumerate(shares):
        print(f"layer {layer:2}: " + " ".join(f"{100 * share:5.1f}%" for share in row))
    draw(shares, sys.argv[3])


if __name__ == "__main__":
    main()
