#!/usr/bin/env python3
"""llama_cpp_python.py - one test of llama.cpp through the package llama-cpp-python, for compare.py.

Usage: llama_cpp_python.py MODEL pp|tg TOKENS DEPTH THREADS
Prints {"tokens_per_second": ...}. Tokens are random, as in `linnet bench`; nothing is sampled. A short run before is
not counted.
"""
import json
import random
import sys
import time

import llama_cpp


def main():
    path, kind = sys.argv[1:3]
    tokens, depth, threads = (int(argument) for argument in sys.argv[3:6])
    model = llama_cpp.Llama(model_path=path, n_ctx=depth + tokens + 32, n_batch=512, n_ubatch=512, n_threads=threads,
                            n_threads_batch=threads, flash_attn=depth > 0, verbose=False)
    draw = random.Random(1)
    some = lambda count: [draw.randrange(model.n_vocab()) for _ in range(count)]

    def fill():
        model.reset()
        if depth:
            model.eval(some(depth))

    fill()
    model.eval(some(16 if kind == "pp" else 1))  # brings the weights into memory
    fill()
    steps = [some(tokens)] if kind == "pp" else [some(1) for _ in range(tokens)]
    start = time.perf_counter()
    for step in steps:
        model.eval(step)
    print(json.dumps({"tokens_per_second": tokens / (time.perf_counter() - start)}))


if __name__ == "__main__":
    main()
