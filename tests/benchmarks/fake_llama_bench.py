#!/usr/bin/env python3
"""fake_llama_bench.py - prints what llama-bench would, with speeds of its own: 100 tokens/s, then a tenth more each time
it is asked for the same test (a file in the folder FAKE_FOLDER counts). Knows no depth."""
import argparse
import json
import os
import pathlib
import sys

parser = argparse.ArgumentParser()
for option in ("-m", "-p", "-n", "-t", "-r", "-o"):
    parser.add_argument(option, required=True)
arguments, unknown = parser.parse_known_args()
if unknown:
    sys.exit(f"error: invalid parameter for argument: {unknown[0]}")
counter = pathlib.Path(os.environ["FAKE_FOLDER"]) / f"count-{arguments.p}-{arguments.n}"
count = len(counter.read_text()) if counter.exists() else 0
counter.write_text("x" * (count + 1))
print(json.dumps([{"n_prompt": int(arguments.p), "n_gen": int(arguments.n), "avg_ts": 100 * 1.1**count}]))
