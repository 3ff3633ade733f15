#!/usr/bin/env python3
# conformance.py - measures linnet against Transformers and tokenizers, and writes docs/conformance.md.
"""Usage: conformance.py [--check] [--only NAME ...] [--strings N]

Needs the packages of requirements.txt, and the program in LINNET_PROGRAM or build/release/linnet. Run it through
scripts/conformance.sh, which sees to both.
"""

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers

from cases import CASES, N_PROMPT, N_TOKENS, Case
from checkpoint_folder import save_folder
from expected import Expected, forward
from make_fixtures import find_seed
from more_cases import MORE_CASES
from tokenizer_conformance import TokenizerRow, compare_tokenizers
from uncompiled import ROOT
from linnet.convert import Options, convert

PROGRAM = Path(os.environ.get("LINNET_PROGRAM", ROOT / "build" / "release" / "linnet"))
DOCUMENT = ROOT / "docs" / "conformance.md"
BAR = 1e-4  # of the largest logit
PACKAGES = ("torch", "transformers", "tokenizers", "sentencepiece", "numpy")


@dataclass(frozen=True)
class Row:
    """Differences are relative to the largest logit; `agreed` of `steps` greedy tokens are the same."""

    name: str
    shape: str
    prefill: float
    one_by_one: float
    agreed: int
    steps: int

    @property
    def passed(self) -> bool:
        return max(self.prefill, self.one_by_one) <= BAR and self.agreed == self.steps


def main() -> int:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory(prefix="linnet-conformance-") as folder:
        rows = [measure_case(case, Path(folder)) for case in [*CASES, *MORE_CASES] if wanted(case.name, arguments.only)]
        rows += [measure_bundled(path, Path(folder)) for path in bundled_models() if wanted(path.stem, arguments.only)]
        tokenizers = [] if arguments.only else compare_tokenizers(PROGRAM, Path(folder), arguments.strings)
    text = document(rows, tokenizers, arguments.strings)
    failures = [f"{row.name}: over the bar" for row in rows if not row.passed]
    failures += [f"{row.name}: {row.different} texts differ" for row in tokenizers if row.different]
    if arguments.check:
        failures += missing_rows(rows, tokenizers)
    elif not arguments.only:
        DOCUMENT.write_text(text)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    print(f"{len(rows)} models, {len(tokenizers)} tokenizers, {len(failures)} failures")
    return 1 if failures else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures linnet against Transformers and tokenizers.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail also where docs/conformance.md lacks a row")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these models only; nothing is written")
    parser.add_argument("--strings", type=int, default=10000, metavar="N", help="texts for each tokenizer")
    return parser.parse_args()


def wanted(name: str, only: list[str] | None) -> bool:
    return only is None or name in only


def run_linnet(*arguments: object) -> str:
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{PROGRAM.name} {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def compute_logits(model: Path, tokens: list[int], *more: object) -> np.ndarray:
    """[tokens, vocabulary], from float weights and a float cache."""
    output = model.with_suffix(".npy")
    ids = ",".join(map(str, tokens))
    run_linnet("logits", "-m", model, "--tokens", ids, "-o", output, "--kv-type", "f32", "--float32", *more)
    return np.load(output)


def measure_case(case: Case, folder: Path) -> Row:
    _, model, expected = find_seed(case)
    save_folder(folder / case.name, case, model)
    path = folder / f"{case.name}.gguf"
    convert(folder / case.name, path, Options(type="f32"))
    return measure(case.name, describe(case), path, expected)


def measure(name: str, shape: str, path: Path, expected: Expected) -> Row:
    tokens = expected.tokens.tolist()
    steps = expected.logits if expected.step_logits is None else expected.step_logits
    text = [*tokens[:N_PROMPT], *expected.greedy.tolist()]
    choices = compute_logits(path, text[:-1], "--batch", 1)[N_PROMPT - 1 :].argmax(axis=1)
    row = Row(
        name,
        shape,
        difference(compute_logits(path, tokens), expected.logits),
        difference(compute_logits(path, tokens, "--batch", 1), steps),
        int((choices == expected.greedy).sum()),
        len(expected.greedy),
    )
    print(f"{row.name}: {row.prefill:.1e}, {row.one_by_one:.1e}, {row.agreed} of {row.steps}", flush=True)
    return row


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def describe(case: Case) -> str:
    """What is worth telling apart: heads, head size, window, RoPE, experts, tying."""
    config = case.config
    heads, kv = config.num_attention_heads, config.num_key_value_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    parts = [f"heads {heads}:{kv}".replace(" [", " ").replace("[", "").replace("]", ""), f"of {size}"]
    window = getattr(config, "sliding_window", None)
    if window and window < N_TOKENS:
        parts.append(f"window {window}")
    parts += rope_words(getattr(config, "rope_parameters", {}) or {})
    if getattr(config, "num_local_experts", 0):
        parts.append(f"{config.num_local_experts} experts")
    if getattr(config, "attention_bias", False):
        parts.append("biases")
    if getattr(config, "tie_word_embeddings", True):
        parts.append("tied")
    return ", ".join([" ".join(parts[:2]), *parts[2:]])


def rope_words(parameters: dict) -> list[str]:
    parameters = parameters.get("full_attention", parameters)
    kind, original = parameters.get("rope_type", "default"), parameters.get("original_max_position_embeddings")
    if kind == "default":
        return []
    return [kind + (f" from {original}" if original else "")]


def bundled_models() -> list[Path]:
    return sorted((ROOT / "examples" / "tiny" / "models").glob("*.gguf"))


def measure_bundled(path: Path, folder: Path) -> Row:
    """Against the same weights in Transformers, which reads them from the file by itself."""
    sys.path.insert(0, str(ROOT / "examples" / "tiny"))
    from loading import load

    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    _, _, model = load(path)
    story = (ROOT / "examples" / "tiny" / "heldout" / "stories.txt").read_text()[:2000]
    tokens = [int(id) for id in run_linnet("tokenize", "-m", path, "-p", story).split()][:N_TOKENS]
    greedy: list[int] = []
    for _ in range(N_PROMPT):
        greedy.append(int(forward(model, [*tokens[:N_PROMPT], *greedy])[-1].argmax()))
    expected = Expected(np.array(tokens), forward(model, tokens), np.array(greedy), None)
    return measure(path.stem, "trained, Q8_0 weights", copy, expected)


def missing_rows(rows: list[Row], tokenizers: list[TokenizerRow]) -> list[str]:
    text = DOCUMENT.read_text() if DOCUMENT.is_file() else ""
    return [f"{row.name}: no row in docs/conformance.md; run scripts/conformance.sh" for row in [*rows, *tokenizers]
            if f"| {row.name} |" not in text]  # fmt: skip


def document(rows: list[Row], tokenizers: list[TokenizerRow], strings: int) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    lines = [
        "# Conformance",
        "",
        "What linnet computes, beside what the references compute. Written by `scripts/conformance.sh`, which makes an",
        "environment of its own for them; `scripts/conformance.sh --check` fails on a row over the bar. Made with",
        f"{versions}.",
        "",
        "## Logits",
        "",
        "Each row is a small random model, built by Hugging Face Transformers in float32, saved as its folder, converted",
        "by `linnet convert --type f32` and run by `linnet logits --kv-type f32 --float32`. The figures are the largest",
        f"difference of any logit over a text of {N_TOKENS} tokens, relative to the largest logit: of one prefill, and of",
        "the same tokens one by one; and how many tokens of a greedy continuation are the same. Weights are drawn so that",
        "mistakes show (tests/reference/README.md). The bar is 1e-4, every token the same.",
        "",
        "`heads 4:2` are four query heads over two key heads; `from 64` is the original context of a RoPE scaling, which",
        f"the {N_TOKENS} tokens exceed. With `from {N_TOKENS}` or more they stay with the short factors: the other side of that",
        "border, and PhiMoE, which Transformers never switches to the long ones. The last rows are the bundled models,",
        "against their file as Transformers reads it. OpenELM is not in Transformers: its reference is our own reading of",
        "the published architecture.",
        "",
        "| model | shape | prefill | one by one | greedy |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [f"| {r.name} | {r.shape} | {r.prefill:.1e} | {r.one_by_one:.1e} | {r.agreed} of {r.steps} |" for r in rows]
    lines += [
        "",
        "## Tokenizers",
        "",
        f"{strings} random texts each: scripts of the world, emoji, control characters, long runs, code, digits, spaces,",
        "special tokens, and bytes that are no UTF-8. Every id must be the one of the package named. Bytes that are no",
        "UTF-8 have no reference: there the tokens must spell exactly the bytes. Where a text holds U+2581 itself, `tokenizers`",
        "does otherwise than SentencePiece, from which Gemma 2's vocabulary comes; linnet does as SentencePiece.",
        "",
        "| vocabulary | tokens | package | texts | tokens in them | different |",
        "|---|---:|---|---:|---:|---:|",
    ]
    lines += [f"| {t.name} | {t.size} | {t.oracle} | {t.texts} | {t.ids} | {t.different} |" for t in tokenizers]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
