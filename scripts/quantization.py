#!/usr/bin/env python3
"""Measures the tables of docs/quantization.md: errors, divergences and perplexities of every type on this machine.

Needs the program (build/release/linnet, or what LINNET_PROGRAM names) and nothing else.
"""

import argparse
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("LINNET_PROGRAM", str(ROOT / "build/release/linnet"))
DOCUMENT = ROOT / "docs/quantization.md"
MODELS = ("tiny-llama", "tiny-phi3", "tiny-gemma2")

# The relative root mean square error of llama.cpp's tool, August 2026, on Gaussian rows without an importance matrix.
LLAMA_CPP = {
    "Q4_0": 0.08590, "Q4_1": 0.07822, "Q5_0": 0.04269, "Q5_1": 0.03784, "Q8_0": 0.00535, "Q2_K": 0.29647,
    "Q3_K": 0.15083, "Q4_K": 0.07134, "Q5_K": 0.03611, "Q6_K": 0.01776, "IQ4_NL": 0.07615, "IQ4_XS": 0.07674,
    "MXFP4": 0.11410,
}  # fmt: skip


def linnet(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"quantization: {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def write_gaussian(path, rows=1024, cols=1024):
    """A GGUF file of one F32 tensor with a standard deviation of 0.02."""
    source = random.Random(1)
    text = lambda s: struct.pack("<Q", len(s)) + s  # noqa: E731
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text(b"gaussian.weight") + struct.pack("<IQQIQ", 2, cols, rows, 0, 0)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % 32))
        for _ in range(rows):
            file.write(struct.pack(f"<{cols}f", *(source.gauss(0, 0.02) for _ in range(cols))))


def gaussian_table(folder):
    write_gaussian(folder / "gaussian.gguf")
    lines = ["| type | bits per weight | relative error | llama.cpp | ratio |", "|---|---|---|---|---|"]
    for name, theirs in LLAMA_CPP.items():
        report = linnet(
            "quantize", folder / "gaussian.gguf", folder / "out.gguf", name, "--tensor-type", f"gaussian={name}", "--json"
        )
        (row,) = report["types"]
        ours = row["relative_rms_error"]
        lines.append(f"| {name} | {row['bits_per_weight']:.4g} | {ours:.5f} | {theirs:.5f} | {ours / theirs:.3f} |")
    return lines


def model_table(model):
    report = linnet(
        "evaluate", "-m", ROOT / f"examples/tiny/models/{model}.gguf",
        "--stories", ROOT / "examples/tiny/heldout/stories.txt", "--all-types", "--json",
    )  # fmt: skip
    lines = [
        f"{model}:",
        "",
        "| type | bits per weight | relative error | divergence, nats | same first token | perplexity |",
        "|---|---|---|---|---|---|",
    ]
    for row in report:
        error = f"{row['relative_rms_error']:.5f}" if "relative_rms_error" in row else ""
        divergence = f"{row['kl_mean']:.2e} | {100 * row['same_top']:.2f} %" if "kl_mean" in row else " | "
        perplexity = f"{row['perplexity']:.4f} ± {row['perplexity_standard_error']:.4f}"
        lines.append(f"| {row['type']} | {row['bits_per_weight']:.2f} | {error} | {divergence} | {perplexity} |")
    return lines + [""]


def replace(text, mark, lines):
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    return pattern.sub(lambda _: "\n".join([begin, *lines, end]), text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put them into the document, in place of printing it")
    arguments = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        text = replace(text, "gaussian", gaussian_table(Path(folder)))
    text = replace(text, "models", [line for model in MODELS for line in model_table(model)][:-1])
    if arguments.write:
        DOCUMENT.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
