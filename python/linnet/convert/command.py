"""convert/command.py - `linnet convert`: arguments, a progress bar, one line for an error; never converts by itself."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Error
from .model import Options, convert

EXAMPLES = """examples:
  linnet convert ./Llama-3.2-1B-Instruct llama-3.2-1b-q4_k_m.gguf --type q4_k_m
  linnet convert ./Qwen2.5-7B-Instruct-GPTQ-Int4 qwen2.5-7b-gptq.gguf
  linnet convert ./my-lora my-lora.gguf --base ./Llama-3.2-1B-Instruct
"""


def make_parser() -> argparse.ArgumentParser:
    """What `linnet convert` understands."""
    parser = argparse.ArgumentParser(
        prog="linnet convert",
        description="Write a Hugging Face folder, of a model or a LoRA adapter, as a GGUF file.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="HF_DIR", help="config.json, .safetensors files, tokenizer")
    parser.add_argument("output", type=Path, metavar="OUT.gguf", help="the file to write")
    parser.add_argument(
        "--type",
        default="",
        help="f32, f16, bf16, q8_0, or any type of `linnet quantize` "
        "(default: f16; 4-bit checkpoints keep their weights)",
    )
    parser.add_argument("--name", default="", help="the model's name (default: as the folder says)")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="take the tokenizer from another folder")
    parser.add_argument("--base", type=Path, metavar="DIR", help="for an adapter: the folder of its model")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    return parser


class ProgressBar:
    """One line on a terminal's standard error, for what takes over a second."""

    WIDTH = 30

    def __init__(self, wanted: bool) -> None:
        """Shows nothing unless `wanted` and standard error is a terminal."""
        self._wanted = wanted and sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        self._shown = False

    def show(self, done: int, total: int) -> None:
        """Draws the line again, at most ten times a second."""
        now = time.monotonic()
        if not self._wanted or now - self._start < 1 or (now - self._last < 0.1 and done < total):
            return
        self._last, self._shown = now, True
        share = done / max(total, 1)
        bar = "#" * int(share * self.WIDTH)
        print(
            f"\rconverting [{bar:<{self.WIDTH}}] {share:4.0%}  {done / 1e6:.0f} of {total / 1e6:.0f} MB",
            end="",
            file=sys.stderr,
            flush=True,
        )

    def clear(self) -> None:
        """Takes the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Ended(KeyboardInterrupt):
    """A signal that asks the program to end."""

    def __init__(self, number: int) -> None:
        """Of this number."""
        super().__init__()
        self.number = number


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """SIGTERM and SIGHUP end a conversion as Ctrl-C does, so that no half file stays; one that is ignored stays so."""

    def end(number: int, _frame: Any) -> None:
        raise Ended(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    is_main = threading.current_thread() is threading.main_thread()  # no other may set handlers
    changed = [number for number in numbers if is_main and signal.getsignal(number) == signal.SIG_DFL]
    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 only where the file was written."""
    args = make_parser().parse_args(arguments)
    bar = ProgressBar(not args.quiet)

    def report(line: str) -> None:
        if not args.quiet:
            print(f"linnet convert: {line}", file=sys.stderr)

    try:
        options = Options(type=args.type, base=args.base, name=args.name, tokenizer=args.tokenizer)
        with ending_cleanly():
            convert(args.folder, args.output, options, report, bar.show)
    except Error as error:
        bar.clear()
        print(f"linnet convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        bar.clear()
        print("linnet convert: cancelled; nothing was written", file=sys.stderr)
        return 128 + (error.number if isinstance(error, Ended) else signal.SIGINT)
    bar.clear()
    if not args.quiet:
        print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")
    return 0
