#!/usr/bin/env python3
"""scripts_test.py peers|plot LINNET MODEL - the scripts of benchmarks/ do what they say, with a peer whose speed is known.
Exits with 77 where matplotlib is missing."""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests/benchmarks/fake_llama_bench.py"


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    print(done.stdout, done.stderr, sep="\n")
    return done


def expect(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")


def test_peers(linnet, model, folder):
    environment = dict(os.environ, FAKE_FOLDER=str(folder))
    compare = [sys.executable, ROOT / "benchmarks/peers/compare.py", "-m", model, "--linnet", linnet, "--no-python-package",
               "-t", "1"]
    peer = f"fake={sys.executable} {FAKE}"
    done = run(compare + ["--llama-bench", peer, "--tests", "pp16,tg4", "-d", "0,8", "--rounds", "3", "--json",
                          folder / "peers.json"], env=environment)
    expect(done.returncode == 0, "compare.py succeeds")
    rows = json.loads((folder / "peers.json").read_text())["results"]
    expect([(row["test"], row["depth"]) for row in rows] == [("pp16", 0), ("tg4", 0)],
           "a row for each test that the peer can run")
    for row in rows:
        expect(len(row["linnet_all"]) == 3 and min(row["linnet_all"]) > 0, "three rounds of linnet")
        expect([round(speed, 6) for speed in row["peer_all"]] == [100, 110, 121], "the peer's speeds, round by round")
        ratios = sorted(ours / theirs for ours, theirs in zip(row["linnet_all"], row["peer_all"]))
        expect([row["ratio_min"], row["ratio"], row["ratio_max"]] == ratios, "ratios within rounds")
    expect("left out: fake, pp16 @ 8" in done.stderr, "what a peer cannot run is said")
    expect("| fake |" in done.stdout, "a table")
    done = run(compare + ["--llama-bench", peer, "--tests", "wp16,mem16", "--rounds", "1", "--json", folder / "start.json"],
               env=environment)
    expect(done.returncode == 0, "compare.py looks at processes")
    for row, unit, most in zip(json.loads((folder / "start.json").read_text())["results"], ("s", "MB"), (60, 1000)):
        expect(row["unit"] == unit and 0 < row["linnet"] < most and 0 < row["theirs"] < most, "time and memory of a process")
        expect(row["ratio"] == row["theirs"] / row["linnet"], "less is better")
    for wrong in (["--llama-bench", peer, "--tests", "xx3"], ["--llama-bench", "/no/such/program"]):
        expect(run(compare + wrong, env=environment).returncode == 1, f"{wrong} is refused")


def test_plot(linnet, model, folder):
    if not importlib.util.find_spec("matplotlib"):
        print("skipped: matplotlib is missing")
        sys.exit(77)
    for name, arguments in {
            "model": ["-m", model, "-p", "8", "-n", "2", "-r", "2"],
            "kernels": ["kernels", "--filter", "packed_matmul/q4_0/scalar/.*/(1|8)$", "--seconds", "0"]}.items():
        done = run([linnet, "bench"] + arguments + ["--json"])
        expect(done.returncode == 0, "linnet bench succeeds")
        (folder / f"{name}.json").write_text(done.stdout)
        done = run([sys.executable, ROOT / "benchmarks/plot.py", folder / f"{name}.json", "-o", folder])
        expect(done.returncode == 0, "plot.py succeeds")
        for picture in ("roofline.png", "roofline.svg", "bars.png", "bars.svg"):
            expect((folder / f"{name}-{picture}").stat().st_size > 5000, picture)
    (folder / "wrong.json").write_text('{"no": "results"}')
    expect(run([sys.executable, ROOT / "benchmarks/plot.py", folder / "wrong.json"]).returncode == 1,
           "other files are refused")


def main():
    test = {"peers": test_peers, "plot": test_plot}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        test(sys.argv[2], sys.argv[3], pathlib.Path(folder))


if __name__ == "__main__":
    main()
