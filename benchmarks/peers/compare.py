#!/usr/bin/env python3
"""compare.py - linnet beside other programs on the same file, in turns, and the ratios of their speeds.

    pip install llama-cpp-python        # one peer; or have a llama-bench of your own
    benchmarks/peers/compare.py -m llama-1b-q4_0.gguf --llama-bench "llama.cpp=/opt/llama.cpp/llama-bench -fa 1"

A round runs every program once, each test in a process of its own, and rounds start with another program each
time: what the machine does besides falls on all of them. A ratio is taken within a round; the table has its median
over the rounds, and the smallest and largest. Never downloads or builds anything. Needs Python 3.9 and nothing else.
"""
import argparse
import dataclasses
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


class Unavailable(Exception):
    """A program cannot run a test. The text says why, in one line."""


@dataclasses.dataclass
class Run:
    """What a program printed, how long it took from start to end, and the most memory it held: no less than this script's,
    of which Linux starts to count."""

    output: str
    seconds: float
    peak_bytes: int


def run_program(command):
    """A program that succeeds."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error.strerror}") from None
        _, status, usage = os.wait4(process.pid, 0)  # unlike wait(), it says what this process alone has used
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode != 0:
        lines = (texts[1].strip() or texts[0].strip() or f"exit code {process.returncode}").splitlines()
        raise Unavailable(f"{pathlib.Path(command[0]).name}: {lines[-1][:200]}")
    return Run(texts[0], seconds, usage.ru_maxrss * 1024)


def parse_json(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unavailable(f"its output is no JSON: {error}") from None


class Test:
    """A name of the command line, at a depth. The last two look at a process that loads the model, warms up and prefills:
    at its time and its memory from start to end."""

    KINDS = {"pp": "prefill, tokens/s", "tg": "decode, tokens/s", "wp": "whole process, s", "mem": "peak memory, MB"}

    def __init__(self, name, depth):
        self.kind, tokens = re.fullmatch(r"([a-z]+)([1-9][0-9]*)", name).groups()
        self.tokens, self.depth = int(tokens), depth
        self.unit = self.KINDS[self.kind].rpartition(" ")[2]
        self.less_is_better = self.kind in ("wp", "mem")

    def __str__(self):
        return f"{self.kind}{self.tokens}" + (f" @ {self.depth}" if self.depth else "")

    def counts(self):
        """Tokens of the prompt and tokens generated."""
        return (0, self.tokens) if self.kind == "tg" else (self.tokens, 0)

    def value(self, run, tokens_per_second):
        """What the test is about, of a run that reports such a speed."""
        return {"wp": run.seconds, "mem": run.peak_bytes / 1e6}.get(self.kind, tokens_per_second)

    def ratio(self, ours, theirs):
        """How many times better ours is."""
        return theirs / ours if self.less_is_better else ours / theirs


class Linnet:
    def __init__(self, command, options, label="linnet"):
        self.command, self.options, self.label = command, options, label

    def measure(self, model, test, threads):
        prompt, generated = test.counts()
        run = run_program(
            self.command + ["bench", "-m", model, "-p", str(prompt), "-n", str(generated), "-d", str(test.depth),
                            "-t", str(threads), "-r", "1", "--no-limits", "--json"] + self.options)
        return test.value(run, parse_json(run.output)[0]["tokens_per_second"])


class LlamaBench:
    """Any program with the options and the JSON of llama.cpp's llama-bench."""

    def __init__(self, label, command):
        self.label, self.command = label, command

    def measure(self, model, test, threads):
        prompt, generated = test.counts()
        depth = ["-d", str(test.depth)] if test.depth else []
        run = run_program(
            self.command + ["-m", model, "-p", str(prompt), "-n", str(generated), "-t", str(threads), "-r", "1",
                            "-o", "json"] + depth)
        for row in parse_json(run.output):
            if (row["n_prompt"], row["n_gen"]) == (prompt, generated) and row.get("n_depth", 0) == test.depth:
                return test.value(run, row["avg_ts"])
        raise Unavailable("no such test in its output")


class LlamaCppPython:
    """The PyPI package, in a process of its own."""

    label = "llama-cpp-python"

    def measure(self, model, test, threads):
        if test.less_is_better:
            raise Unavailable("its process is Python's")
        return parse_json(run_program(
            [sys.executable, str(HERE / "llama_cpp_python.py"), model, test.kind, str(test.tokens), str(test.depth),
             str(threads)]).output)["tokens_per_second"]


def find_peers(arguments):
    peers = []
    for given in arguments.llama_bench:
        label, separator, command = given.partition("=")
        if not separator:
            label, command = pathlib.Path(shlex.split(given)[0]).name, given
        peers.append(LlamaBench(label, shlex.split(command)))
    if not peers and shutil.which("llama-bench"):
        peers.append(LlamaBench("llama-bench", ["llama-bench"]))
    if importlib.util.find_spec("llama_cpp") and not arguments.no_python_package:
        peers.append(LlamaCppPython())
    return peers


def measure_all(programs, models, tests, arguments):
    """{(model, test, label): [value of each round]}; a test that a program cannot run is left out of it."""
    found, failed = {}, set()
    for round_index in range(arguments.rounds):
        order = programs[round_index % len(programs):] + programs[:round_index % len(programs)]
        for model in models:
            for test in tests:
                for program in order:
                    key = (model, str(test), program.label)
                    if key in failed:
                        continue
                    try:
                        value = program.measure(model, test, arguments.threads)
                    except Unavailable as problem:
                        if isinstance(program, Linnet):
                            sys.exit(f"compare.py: {problem}")
                        failed.add(key)
                        found.pop(key, None)
                        print(f"left out: {program.label}, {test}: {problem}", file=sys.stderr)
                        continue
                    found.setdefault(key, []).append(value)
                    print(f"round {round_index + 1}/{arguments.rounds}  {pathlib.Path(model).name}  {test}  "
                          f"{program.label}  {value:.2f} {test.unit}", file=sys.stderr)
    return found


def summarise(found, programs, models, tests):
    rows = []
    for model in models:
        for test in tests:
            ours = found[(model, str(test), programs[0].label)]
            for program in programs[1:]:
                theirs = found.get((model, str(test), program.label))
                if not theirs:
                    continue
                ratios = [test.ratio(*pair) for pair in zip(ours, theirs)]
                rows.append({
                    "model": pathlib.Path(model).name, "test": f"{test.kind}{test.tokens}", "depth": test.depth,
                    "unit": test.unit, "peer": program.label, "linnet": statistics.median(ours),
                    "theirs": statistics.median(theirs), "ratio": statistics.median(ratios), "ratio_min": min(ratios),
                    "ratio_max": max(ratios), "rounds": len(ratios), "linnet_all": ours, "peer_all": theirs})
    return rows


def to_markdown(rows):
    lines = ["| model | test | peer | linnet | theirs | times better | min ... max |",
             "|---|---|---|---:|---:|---:|---:|"]
    for row in rows:
        test = row["test"] + (f" at depth {row['depth']:,}" if row["depth"] else "") + f", {row['unit']}"
        lines.append(f"| {row['model']} | {test} | {row['peer']} | {row['linnet']:.4g} | {row['theirs']:.4g} | "
                     f"**{row['ratio']:.2f}** | "
                     f"{row['ratio_min']:.2f} ... {row['ratio_max']:.2f} |")
    return "\n".join(lines)


def describe_machine():
    name = platform.processor() or platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.RawTextHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]
    parser.add_argument("-m", "--model", action="append", required=True, help="a GGUF file; may be given again")
    parser.add_argument("--linnet", default="build/release/linnet", help="the program")
    parser.add_argument("--linnet-options", default="", metavar="OPTIONS", help="of `linnet bench`: =--mmap")
    parser.add_argument("--llama-bench", action="append", default=[], metavar="[LABEL=]COMMAND",
                        help="a llama-bench and options of its own; may be given again. Without: that of the PATH")
    parser.add_argument("--no-python-package", action="store_true", help="leave llama-cpp-python out")
    parser.add_argument("--tests", default="pp512,tg128", help="\n".join(f"{kind}N: {what}, of N tokens" for kind, what in Test.KINDS.items()))
    parser.add_argument("-d", "--depths", type=numbers, default=[0], help="tokens in the cache before: 0,4096")
    parser.add_argument("-t", "--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write everything there, too")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        tests = [Test(name, depth) for depth in arguments.depths for name in arguments.tests.split(",")]
    except (AttributeError, KeyError):
        sys.exit(f"compare.py: --tests: expected {', '.join(kind + 'N' for kind in Test.KINDS)}, got {arguments.tests}")
    if arguments.rounds < 1:
        sys.exit("compare.py: --rounds: expected 1 or more")
    peers = find_peers(arguments)
    if not peers:
        sys.exit("compare.py: no peer: pip install llama-cpp-python, or put a llama-bench on the PATH, or name one "
                 "with --llama-bench")
    programs = [Linnet(shlex.split(arguments.linnet), shlex.split(arguments.linnet_options))] + peers
    found = measure_all(programs, arguments.model, tests, arguments)
    rows = summarise(found, programs, arguments.model, tests)
    if not rows:
        sys.exit("compare.py: no peer ran any test")
    report = {"date": datetime.date.today().isoformat(), "machine": describe_machine(),
              "threads": arguments.threads, "environment": {k: v for k, v in os.environ.items() if k == "LINNET_ISA"},
              "results": rows}
    print(f"{report['machine']}; {arguments.threads} threads; {report['date']}; medians of {arguments.rounds} rounds\n")
    print(to_markdown(rows))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
