"""Calls everything public with random arguments for some seconds. Ends with code 0 unless a bug is found.

Usage: fuzz_bindings.py MODEL FOLDER SECONDS LOG [SEED]

Allowed outcomes of a call: a result, linnet.Error, and what Python itself raises for an argument of a wrong kind.
Anything else, a crash or a call that takes very long are bugs. LOG always holds the call that was begun last.
"""

from __future__ import annotations

import faulthandler
import math
import os
import pathlib
import random
import shutil
import sys
import time
from typing import Any, Callable

import linnet
import numpy as np

# What Python raises of itself for arguments of a wrong kind, wherever they are used.
PYTHON_ERRORS = (
    TypeError,
    AttributeError,
    KeyError,
    UnicodeError,
    ValueError,
    OverflowError,
    FileNotFoundError,
    IndexError,
    MemoryError,  # list() of something that says it has 2^60 elements
)


class Strange:
    """An integer, a text and a sequence that misbehave."""

    def __index__(self) -> int:
        raise ValueError("no index")

    def __len__(self) -> int:
        return 2**60

    def __getitem__(self, index: object) -> Any:
        raise IndexError(index)

    def __fspath__(self) -> str:
        raise ValueError("no path")


class Arguments:
    """Random values: now and then what is asked for, else anything."""

    def __init__(self, seed: int, folder: pathlib.Path, model: str) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.folder = folder
        self.model = model

    def integer(self) -> Any:
        exact = [0, 1, 2, 3, 5, 31, 32, 33, 64, 100, 255, 256, 300, -1, -2]
        edge = [2**15, 2**31 - 1, 2**31, -(2**31) - 1, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64, 2**100]
        return self.random.choice(exact * 3 + edge)

    def real(self) -> Any:
        edge = [0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 1e300, math.nan, math.inf, -math.inf]
        return self.random.choice([*edge, self.random.uniform(-2, 2)])

    def text(self) -> Any:
        texts = [
            "",
            "a",
            "One morning, a small fox",
            "\0",
            "\ud800",
            "é" * 50,
            "<s></s>",
            "x" * 3000,
            b"\xff\xfe",
        ]
        return self.random.choice(texts)

    def type_name(self) -> Any:
        return self.random.choice([*linnet.quant.types(), "q8_1", "iq1_s", "i8", "f64", "", "q9", "Q4_K\0"])

    def choice(self) -> Any:
        words = [
            "stop",
            "shift",
            "interleaved",
            "halves",
            "scalar",
            "avx2",
            "array of u8",
            "u8",
            "f32",
            "string",
        ]
        return self.random.choice(words)

    def tokens(self) -> Any:
        count = self.random.choice([0, 1, 2, 7, 40, 300])
        pool = [-1, 0, 1, 2, 5, 100, 1000, 10**6, 2**31, 2**64] if self.random.random() < 0.2 else range(1, 500)
        values = [self.random.choice(pool) for _ in range(count)]
        if self.random.random() < 0.3:
            kinds = [np.int64, np.int32, np.uint8, np.float32, np.uint64, object]
            try:
                return np.array(values).astype(self.random.choice(kinds))
            except (OverflowError, ValueError, TypeError):
                return values
        return values

    def array(self) -> Any:
        dims = self.random.randint(0, 4)
        shape = [self.random.choice([0, 1, 2, 3, 18, 32, 34, 64, 256]) for _ in range(dims)]
        while math.prod(shape) > 1 << 18:
            shape[shape.index(max(shape))] = 1
        kind = self.random.choice([np.float32] * 5 + [np.uint8] * 3 + [np.float64, np.int8, np.int32, bool])
        array = (self.numpy.standard_normal(shape) * 20).astype(np.float64)
        if self.random.random() < 0.1 and array.size:
            array.flat[0] = self.random.choice([np.nan, np.inf])
        with np.errstate(all="ignore"):
            array = array.astype(kind)
        tricks: list[Callable[[Any], Any]] = [
            lambda a: a,
            lambda a: a,
            lambda a: a.T,
            lambda a: a[::-1] if a.ndim else a,
            lambda a: a[..., ::2] if a.ndim else a,
            lambda a: np.broadcast_to(a, (2, *a.shape)),
            lambda a: a.astype(a.dtype.newbyteorder()),
        ]
        return self.random.choice(tricks)(array)

    def fresh_model(self) -> pathlib.Path:
        """A copy of the model, which a call may write over. Renamed, since the last one may still be mapped."""
        copy = self.folder / "model.gguf"
        shutil.copyfile(self.model, self.folder / "copying")
        os.replace(self.folder / "copying", copy)
        return copy

    def path(self) -> Any:
        return self.random.choice(
            [
                self.fresh_model(),
                self.folder / "out.gguf",
                "",
                "/",
                "/no/such",
                "a\0b",
                self.folder,
                b"bytes",
                "/dev/null",
            ]
        )

    def anything(self, depth: int = 0) -> Any:
        makers: list[Callable[[], Any]] = [
            self.integer, self.real, self.text, self.type_name, self.choice, self.tokens, self.array, self.path,
            lambda: None, lambda: self.random.random() < 0.5, Strange, object, lambda: linnet, dict, lambda: int,
        ]  # fmt: skip
        if depth < 2:
            makers.append(lambda: [self.anything(depth + 1) for _ in range(self.random.randint(0, 3))])
            makers.append(lambda: {self.text(): self.anything(depth + 1)})
        return self.random.choice(makers)()

    def maybe(self, maker: Callable[[], Any]) -> Any:
        """Mostly what is asked for."""
        return maker() if self.random.random() < 0.85 else self.anything()

    def settings(self) -> dict[str, Any]:
        names = [*linnet.SamplingOptions.__annotations__, "temprature"]
        some = {n: self.anything() for n in self.random.sample(names, self.random.choice([0, 0, 1, 2]))}
        return {"max_tokens": self.random.choice([0, 1, 3, 20]), **some}


def make_calls(a: Arguments, model: linnet.Model, closed: linnet.Model) -> dict[str, Callable[[], Any]]:
    """What can be called, by name; each call draws its own arguments."""
    sessions = [linnet.Session(model, context=64), linnet.Session(model, context=200, overflow="shift")]
    generations = [model.generate("a", max_tokens=5)]
    files = [linnet.gguf.open(a.model)]
    writers = [linnet.gguf.Writer()]
    pick = a.random.choice

    def keep(pool: list[Any], thing: Any) -> None:
        pool.append(thing)
        if len(pool) > 4:
            pool.pop(a.random.randrange(len(pool)))

    def some_model() -> linnet.Model:
        return closed if a.random.random() < 0.05 else model

    def drain(generation: linnet.Generation) -> None:
        for _ in range(a.random.randint(0, 30)):
            if next(generation, None) is None:
                break

    def some(**names: Callable[[], Any]) -> dict[str, Any]:
        return {name: a.maybe(make) for name, make in names.items() if a.random.random() < 0.3}

    k, q = linnet.kernels, linnet.quant
    isa = {"isa": a.choice}
    return {
        "Model": lambda: linnet.Model(a.path(), **some(threads=a.integer, kv_type=a.type_name, memory=a.integer)),
        "tokenize": lambda: some_model().tokenize(a.maybe(a.text)),
        "detokenize": lambda: some_model().detokenize(a.maybe(a.tokens)),
        "token_bytes": lambda: some_model().token_bytes(a.maybe(a.integer)),
        "is_end": lambda: some_model().is_end_of_generation(a.maybe(a.integer)),
        "encode_chat": lambda: some_model().encode_chat([{"role": a.maybe(a.text), "content": a.maybe(a.text)}]),
        "encode_chat*": lambda: some_model().encode_chat(a.anything()),
        "logits": lambda: some_model().logits(a.maybe(a.tokens), **some(threads=a.integer)),
        "score": lambda: some_model().score(a.maybe(pick([a.tokens, a.text]))),
        "generate": lambda: keep(generations, some_model().generate(a.maybe(pick([a.tokens, a.text])), **a.settings())),
        "batch": lambda: some_model().batch_generate(
            a.maybe(lambda: [a.maybe(a.text) for _ in range(a.random.randint(0, 4))]),
            **some(batch_size=a.integer, context=a.integer, threads=a.integer),
            **a.settings(),
        ),
        "embed": lambda: some_model().embed(
            a.maybe(lambda: [a.maybe(a.text), a.maybe(a.tokens)]), **some(pooling=a.choice, threads=a.integer)
        ),
        "Adapter": lambda: linnet.Adapter(a.path(), some_model()),
        "with_adapters": lambda: some_model().with_adapters(a.anything()),
        "set_adapters": lambda: pick(sessions).set_adapters(a.maybe(list)),
        "fork": lambda: keep(sessions, pick(sessions).fork()),
        "save": lambda: pick(sessions).save(a.maybe(lambda: a.folder / "talk")),
        "load": lambda: pick(sessions).load(a.maybe(lambda: a.folder / "talk")),
        "load*": lambda: pick(sessions).load(a.path()),
        "describe": lambda: (repr(some_model()), some_model().metadata, some_model().chat_template),
        "Session": lambda: keep(
            sessions,
            linnet.Session(
                some_model(),
                context=a.maybe(lambda: pick([0, 1, 32, 100])),
                **some(threads=a.integer, kv_type=a.type_name, max_batch=a.integer, overflow=a.choice, keep=a.integer),
            ),
        ),
        "Session*": lambda: linnet.Session(a.anything()),
        "append": lambda: pick(sessions).append(a.maybe(pick([a.tokens, a.text]))),
        "truncate": lambda: pick(sessions).truncate(a.maybe(a.integer)),
        "session logits": lambda: pick(sessions).logits,
        "session tokens": lambda: (pick(sessions).tokens, len(pick(sessions)), repr(pick(sessions))),
        "session generate": lambda: keep(
            generations, pick(sessions).generate(a.maybe(pick([a.tokens, a.text])), **a.settings())
        ),
        "drain": lambda: drain(pick(generations)),
        "stats": lambda: (pick(generations).stats, pick(generations).tokens, pick(generations).stop_reason),
        "cancel": lambda: (pick(generations).cancel(), pick(sessions).cancel()),
        "gguf open": lambda: keep(files, linnet.gguf.open(a.path())),
        "gguf close": lambda: (keep(files, linnet.gguf.open(a.model)), files.pop().close()),
        "gguf key": lambda: (pick(files).metadata[a.anything()], pick(files).metadata.type(a.anything())),
        "gguf tensors": lambda: [(t.data[..., :1].sum(), t.dequantize()) for t in [*pick(files).tensors.values()][:2]],
        "gguf data": lambda: pick(files)._file().data(a.anything()),
        "Writer": lambda: keep(writers, linnet.gguf.Writer(a.maybe(dict))),
        "writer set": lambda: pick(writers).set(a.maybe(lambda: "a.b"), a.anything(), type=pick([None, a.anything()])),
        "writer add": lambda: pick(writers).add_tensor(
            a.maybe(a.text), a.maybe(a.array), **some(type=a.type_name, shape=a.tokens)
        ),
        "writer write": lambda: pick(writers).write(a.folder / "out.gguf"),
        "writer size": lambda: pick(writers).file_size,
        "quantize": lambda: q.quantize(a.maybe(a.array), a.maybe(a.type_name)),
        "dequantize": lambda: q.dequantize(a.maybe(a.array), a.maybe(a.type_name)),
        "info": lambda: q.info(a.maybe(a.type_name)),
        "gemm": lambda: k.gemm(
            a.maybe(a.array), a.maybe(a.array), type=a.maybe(a.type_name), **some(activations=a.choice, **isa)
        ),
        "gemm fits": lambda: k.gemm(
            q.quantize(a.numpy.standard_normal((a.random.randint(0, 40), 256), dtype=np.float32), t := pick(q.types())),
            a.numpy.standard_normal((a.random.randint(0, 9), 256), dtype=np.float32),
            type=t,
            activations=pick(["float32", "int8", "bfloat16"]),
            isa=pick(k.available()),
        ),
        "attention": lambda: k.attention(
            a.maybe(a.array), v := a.maybe(a.array), pick([v, a.maybe(a.array)]),
            **some(scale=a.real, window=a.integer, soft_cap=a.real, kv_type=a.type_name, **isa),
        ),
        "attention fits": lambda: k.attention(
            a.numpy.standard_normal((a.random.randint(0, 3), 4, d := pick([1, 7, 32, 100])), dtype=np.float32),
            v := a.numpy.standard_normal((a.random.randint(0, 70), pick([1, 2, 3, 4]), d), dtype=np.float32),
            v,
            **some(scale=a.real, window=a.integer, soft_cap=a.real, kv_type=a.type_name),
            isa=pick(k.available()),
        ),
        "rms_norm": lambda: k.rms_norm(a.maybe(a.array), a.maybe(lambda: None), **some(epsilon=a.real, **isa)),
        "layer_norm": lambda: k.layer_norm(a.maybe(a.array), a.maybe(a.array), a.maybe(a.array)),
        "rope": lambda: k.rope(a.maybe(a.array), a.maybe(a.tokens), a.maybe(a.array), **some(style=a.choice, **isa)),
        "gates": lambda: (k.silu_gate(x := a.maybe(a.array), x), k.gelu_gate(x, x)),
        "gelu": lambda: k.gelu(a.maybe(a.array)),
        "soft_cap": lambda: k.soft_cap(a.maybe(a.array), a.maybe(a.real)),
    }  # fmt: skip


def main() -> int:
    model_path, folder, seconds, log_path = sys.argv[1:5]
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.SystemRandom().randrange(2**32)
    faulthandler.enable()
    arguments = Arguments(seed, pathlib.Path(folder), model_path)
    model = linnet.Model(model_path, threads=1)
    closed = linnet.Model(model_path)
    closed.close()
    calls = make_calls(arguments, model, closed)
    outcomes = {"results": 0, "errors": 0, "python errors": 0}
    names = list(calls)
    end = time.monotonic() + float(seconds)
    with open(log_path, "w", buffering=1) as log:
        while time.monotonic() < end:
            name = arguments.random.choice(names)
            log.seek(0)
            log.write(f"seed {seed}, {sum(outcomes.values())}: {name}\n")
            log.truncate()
            started = time.process_time()  # which a busy machine does not change; the test sees to hangs
            try:
                calls[name]()
                outcomes["results"] += 1
            except linnet.Error as error:
                outcomes["errors"] += 1
                assert error.code and str(error), name
            except PYTHON_ERRORS:
                outcomes["python errors"] += 1
            except BaseException:
                print(f"seed {seed}, after {sum(outcomes.values())} calls: {name}", file=sys.stderr)
                raise
            taken = time.process_time() - started
            if taken > 20:
                print(f"seed {seed}: {name} took {taken:.0f} s", file=sys.stderr)
                return 1
    print(f"seed {seed}: {sum(outcomes.values())} calls:", ", ".join(f"{v} {k}" for k, v in outcomes.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
