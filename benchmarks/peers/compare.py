#!/usr/bin/env python3
"""compare.py - linnet beside other programs on the same file, in turns, and the ratios of their speeds.

    pip install llama-cpp-python        # one peer; or have a llama-bench of your own
    benchmarks/peers/compare.py -m llama-1b-q4_0.gguf --llama-bench "llama.cpp=/opt/llama.cpp/llama-bench -fa 1"

A round runs every program once, each test in a process of its own, and rounds start with another program each
time: what the machine does besides falls on all of them. A ratio is taken within a round; the table has its median
over the rounds, and the smallest and largest. Never downloads or builds anything. Needs Python 3.9 and nothing else.
"""
import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Unavailable(Exception):
    """A program cannot run a test. The text says why, in one line."""


def run_program(command):
    """Standard output of a program that succeeds."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise Unavailable(f"{pathlib.Path(command[0]).name}: {lines[-1][:200]}")
    return done.stdout


def parse_json(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unavailable(f"its output is no JSON: {error}") from None


class Test:
    """So many tokens of prefill (pp) or decode (tg) behind so many others."""

    def __init__(self, name, depth):
        self.kind, self.tokens, self.depth = name[:2], int(name[2:]), depth

    def __str__(self):
        return f"{self.kind}{self.tokens}" + (f" @ {self.depth}" if self.depth else "")

    def counts(self):
        """Tokens of the prompt and tokens generated."""
        return (self.tokens, 0) if self.kind == "pp" else (0, self.tokens)


class Linnet:
    def __init__(self, command, label="linnet"):
        self.command, self.label = command, label

    def measure(self, model, test, threads):
        prompt, generated = test.counts()
        rows = parse_json(run_program(
            self.command + ["bench", "-m", model, "-p", str(prompt), "-n", str(generated), "-d", str(test.depth),
                            "-t", str(threads), "-r", "1", "--no-limits", "--json"]))
        return rows[0]["tokens_per_second"]


class LlamaBench:
    """Any program with the options and the JSON of llama.cpp's llama-bench."""

    def __init__(self, label, command):
        self.label, self.command = label, command

    def measure(self, model, test, threads):
        prompt, generated = test.counts()
        depth = ["-d", str(test.depth)] if test.depth else []
        rows = parse_json(run_program(
            self.command + ["-m", model, "-p", str(prompt), "-n", str(generated), "-t", str(threads), "-r", "1",
                            "-o", "json"] + depth))
        for row in rows:
            if (row["n_prompt"], row["n_gen"]) == (prompt, generated) and row.get("n_depth", 0) == test.depth:
                return row["avg_ts"]
        raise Unavailable("no such test in its output")


class LlamaCppPython:
    """The PyPI package, in a process of its own."""

    label = "llama-cpp-python"

    def measure(self, model, test, threads):
        return parse_json(run_program(
            [sys.executable, str(HERE / "llama_cpp_python.py"), model, test.kind, str(test.tokens), str(test.depth),
             str(threads)]))["tokens_per_second"]


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
    """{(model, test, label): [tokens/s of each round]}; a test that a program cannot run is left out of it."""
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
                        speed = program.measure(model, test, arguments.threads)
                    except Unavailable as problem:
                        if isinstance(program, Linnet):
                            sys.exit(f"compare.py: {problem}")
                        failed.add(key)
                        found.pop(key, None)
                        print(f"left out: {program.label}, {test}: {problem}", file=sys.stderr)
                        continue
                    found.setdefault(key, []).append(speed)
                    print(f"round {round_index + 1}/{arguments.rounds}  {pathlib.Path(model).name}  {test}  "
                          f"{program.label}  {speed:.2f} tokens/s", file=sys.stderr)
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
                ratios = [a / b for a, b in zip(ours, theirs)]
                rows.append({
                    "model": pathlib.Path(model).name, "test": f"{test.kind}{test.tokens}", "depth": test.depth,
                    "peer": program.label, "linnet": statistics.median(ours), "peer_tokens_per_second":
                    statistics.median(theirs), "ratio": statistics.median(ratios), "ratio_min": min(ratios),
                    "ratio_max": max(ratios), "rounds": len(ratios), "linnet_all": ours, "peer_all": theirs})
    return rows


def to_markdown(rows):
    lines = ["| model | test | peer | linnet tokens/s | peer tokens/s | ratio | min ... max |",
             "|---|---|---|---:|---:|---:|---:|"]
    for row in rows:
        test = row["test"] + (f" at depth {row['depth']:,}" if row["depth"] else "")
        lines.append(f"| {row['model']} | {test} | {row['peer']} | {row['linnet']:.1f} | "
                     f"{row['peer_tokens_per_second']:.1f} | **{row['ratio']:.2f}** | "
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
    parser.add_argument("--linnet", default="build/release/linnet", help="linnet, with options before `bench`")
    parser.add_argument("--llama-bench", action="append", default=[], metavar="[LABEL=]COMMAND",
                        help="a llama-bench and options of its own; may be given again. Without: that of the PATH")
    parser.add_argument("--no-python-package", action="store_true", help="leave llama-cpp-python out")
    parser.add_argument("--tests", default="pp512,tg128", help="ppN: prefill of N tokens, tgN: decode of N")
    parser.add_argument("-d", "--depths", type=numbers, default=[0], help="tokens in the cache before: 0,4096")
    parser.add_argument("-t", "--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write everything there, too")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        tests = [Test(name, depth) for depth in arguments.depths for name in arguments.tests.split(",")]
    except ValueError:
        sys.exit(f"compare.py: --tests: expected ppN or tgN, got {arguments.tests}")
    for test in tests:
        if test.kind not in ("pp", "tg") or test.tokens < 1:
            sys.exit(f"compare.py: --tests: expected ppN or tgN, got {arguments.tests}")
    if arguments.rounds < 1:
        sys.exit("compare.py: --rounds: expected 1 or more")
    peers = find_peers(arguments)
    if not peers:
        sys.exit("compare.py: no peer: pip install llama-cpp-python, or put a llama-bench on the PATH, or name one "
                 "with --llama-bench")
    programs = [Linnet(shlex.split(arguments.linnet))] + peers
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
