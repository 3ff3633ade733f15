"""Threads, tasks, signals and forks beside long calls, and their ends."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import linnet
import numpy as np
import pytest

PROMPT = "One morning, a small fox named Pip"


def test_eight_threads_each_get_their_text(model: linnet.Model) -> None:
    prompts = [f"One day, {name}" for name in ("Pip", "Sam", "Mia", "Tom", "Ann", "Ben", "Eva", "Leo")]
    expected = [model.generate(p, seed=i, max_tokens=50).read() for i, p in enumerate(prompts)]
    found = [""] * 8

    def work(i: int) -> None:
        found[i] = model.generate(prompts[i], seed=i, max_tokens=50).read()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


@pytest.fixture
def unforced_switches() -> Iterator[None]:
    """Another thread gets the interpreter's lock only where one waits or releases it, never because time is up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("call", ["logits", "generate", "detokenize"])
@pytest.mark.usefixtures("unforced_switches")
def test_other_threads_run_meanwhile(model: linnet.Model, call: str) -> None:
    """The lock is released: a counter in another thread goes on during a call, of which there are some."""
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    tokens = np.array(model.tokenize(PROMPT) * 20)
    session = linnet.Session(model, context=20_000)
    work = {
        "logits": lambda: model.logits(tokens),
        "generate": lambda: session.generate(PROMPT * 500),
        "detokenize": lambda: model.detokenize(np.tile(tokens, 50)),
    }[call]
    during = 0
    for _ in range(100):
        before = ticks
        work()
        during += ticks - before
    done.set()
    thread.join()
    assert during > 0


def test_programs_end_while_a_daemon_works(model_path: str) -> None:
    """Python ends such a thread where it asks for the lock again, by unwinding its stack."""
    program = f"""
import threading, time, linnet
model = linnet.Model({model_path!r}, threads=1)
def work():
    while True:
        model.logits([5] * 400)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_async_for(model: linnet.Model) -> None:
    async def tell(prompt: str) -> str:
        return "".join([piece async for piece in model.generate(prompt, temperature=0, max_tokens=30)])

    async def both() -> list[str]:
        return list(await asyncio.gather(tell(PROMPT), tell("The old bear")))

    expected = [model.generate(p, temperature=0, max_tokens=30).read() for p in (PROMPT, "The old bear")]
    assert asyncio.run(both()) == expected


def test_a_cancelled_task_ends_its_generation(model: linnet.Model) -> None:
    """Cancelled while it waits for the second piece, however fast the machine is."""
    generation = linnet.Session(model, context=20_000).generate(
        PROMPT, temperature=0, max_tokens=-1, logit_bias={model.eos or 0: -1e9}
    )

    async def main() -> None:
        first_piece = asyncio.Event()

        async def work() -> None:
            async for _ in generation:
                first_piece.set()

        task = asyncio.create_task(work())
        await first_piece.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert list(generation) == []
    assert generation.stop_reason == "cancelled"


@pytest.mark.parametrize("wait", [0, 0.02])
def test_a_session_is_free_after_a_cancelled_task(model: linnet.Model, wait: float) -> None:
    """At once, though it computed in another thread, which had perhaps not begun."""
    session = linnet.Session(model, context=4000)

    async def work() -> None:
        async for _ in session.generate([5] * 3000, max_tokens=-1, logit_bias={model.eos or 0: float("-inf")}):
            pass

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        session.truncate(0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(work(), 0.01)
        session.truncate(0)

    asyncio.run(main())


def test_cancel_from_another_thread(model: linnet.Model) -> None:
    session = linnet.Session(model)
    generation = session.generate(PROMPT, temperature=0, max_tokens=-1)
    next(generation)
    generation.cancel()
    assert list(generation) == []
    assert generation.stop_reason == "cancelled"


def interrupt_when_at_work(generation: linnet.Generation) -> None:
    """Presses Ctrl-C once the generation computes: then nobody else may look at its tokens."""
    with contextlib.suppress(linnet.Error):
        while True:
            _ = generation.tokens
            time.sleep(0.0005)
    _thread.interrupt_main()


def test_ctrl_c_ends_a_generation_within_a_token(model: linnet.Model) -> None:
    """One call computes all tokens, since each may be the start of the stop text: only C++ can see the signal."""
    letter = model.tokenize("a", add_special=False)[-1]
    session = linnet.Session(model, context=20_000)
    generation = session.generate(PROMPT, temperature=0, max_tokens=-1, logit_bias={letter: 1e9}, stop=["a" * 100_000])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program in the background ignores it
    thread = threading.Thread(target=interrupt_when_at_work, args=(generation,))
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            next(generation)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert len(generation.tokens) < 19_000
    assert generation.stop_reason == "cancelled"
    assert session.generate([], temperature=0, max_tokens=3).read()  # the session can go on


def test_ctrl_c_ends_long_work(model: linnet.Model) -> None:
    """A signal that arrives while C++ computes ends it with its handler's exception; each call would take a minute."""

    class Stop(Exception):
        pass

    def handler(number: int, frame: object) -> None:
        raise Stop

    endless = {model.eos or 0: float("-inf")}
    tokens = model.tokenize(PROMPT) * 40
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for call in (
            lambda: model.batch_generate([PROMPT] * 256, context=2000, max_tokens=-1, logit_bias=endless),
            lambda: model.embed([tokens] * 5000),
            lambda: model.score(tokens * 125),
        ):
            started = time.perf_counter()
            with pytest.raises(Stop):
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                call()
            assert time.perf_counter() - started < 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_of_fork_work(model_path: str) -> None:
    """OpenMP's threads are not inherited; multiprocessing forks by default on Linux before Python 3.14."""
    model = linnet.Model(model_path, threads=2)
    expected = model.generate(PROMPT, temperature=0, max_tokens=20).read()
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(model.generate(PROMPT, temperature=0, max_tokens=20).read()))
    child.start()
    child.join(600)  # it takes a moment; a hang is for ever
    hangs = child.is_alive()
    child.kill()
    child.join()
    assert not hangs
    assert child.exitcode == 0
    assert queue.get() == expected
