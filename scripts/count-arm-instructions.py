#!/usr/bin/env python3
"""Instructions per 32 weights and token of the Arm kernels, read from the objects of build/arm64.

Counts what the loop over the blocks of a row executes, loads, scales and loop control included, for one token and for
a tile of 32, which pass by four at a time. Prints a Markdown table.
"""
import re
import subprocess
import sys
from pathlib import Path

ROWS = 4  # of a register
TILE = 32  # tokens
# Products of 32 columns of four rows with one token: how many instructions of which name.
PRODUCTS = {"neon": ("smull|smull2|smlal|smlal2", 16), "neon_dotprod": ("sdot", 8), "neon_i8mm": ("sdot|smmla", 8)}
ADDRESS = re.compile(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)")


def functions(path: Path) -> dict[str, list[tuple[int, str, str]]]:
    """The instructions of each function: address, name, operands."""
    text = subprocess.run(["aarch64-linux-gnu-objdump", "-dr", "--demangle", "--no-show-raw-insn", path],
                          check=True, capture_output=True, text=True).stdout
    found: dict[str, list[tuple[int, str, str]]] = {}
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            code = found.setdefault(head[1], [])
        elif match := ADDRESS.match(line):
            if match[2].startswith("R_AARCH64"):  # where the call before this line goes
                code[-1] = (*code[-1][:2], match[3])
            else:
                code.append((int(match[1], 16), match[2], match[3]))
    return found


def loops(code: list[tuple[int, str, str]]) -> list[range]:
    """The loops of a function, as indexes of instructions, shortest first."""
    index = {address: i for i, (address, _, _) in enumerate(code)}
    found = []
    for i, (_, name, operands) in enumerate(code):
        target = re.search(r"\b([0-9a-f]+) <", operands)
        if (name == "b" or name.startswith(("b.", "cb", "tb"))) and target:
            start = index.get(int(target[1], 16), i + 1)
            if start <= i:
                found.append(range(start, i + 1))
    return sorted(found, key=len)


def count(instructions: dict, function: str, isa: str) -> dict[int, float]:
    """Instructions per 32 weights and token, by the tokens of a tile."""
    code = instructions[function]
    names, per_token = PRODUCTS[isa]
    is_product = [bool(re.fullmatch(names, name)) for _, name, _ in code]
    is_k = "_K>" in function or "_XS>" in function  # blocks of 256
    result: dict[int, float] = {}
    innermost: list[range] = []
    for loop in loops(code):
        products = sum(is_product[i] for i in loop)
        if products == 0 or any(inner.start >= loop.start and inner.stop <= loop.stop for inner in innermost):
            continue
        innermost.append(loop)
        tokens = products // per_token
        if any(code[i][1] == "smmla" for i in loop):
            tokens *= 2
        outer = [o for o in loops(code) if o.start <= loop.start and o.stop >= loop.stop and o != loop]
        executed, chunk = len(loop), loop
        if tokens > 1:  # the loop over a tile's tokens, inside that over chunks
            passes, chunk = TILE // tokens, outer.pop(0)
            executed, tokens = passes * len(loop) + len(chunk) - len(loop), TILE
        if is_k:  # the loop over chunks, inside that over blocks
            groups = next((name for name in instructions if name.startswith("void") and "load_many_groups<" in name
                           and function.split("packed_matmul<")[1].split(">(")[0] + ">" in name), None)
            executed += (len(outer[0]) - len(chunk) + len(instructions.get(groups, []))) / 8
        result[tokens] = executed / (ROWS * tokens)
    return result


def main() -> None:
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/arm64")
    table: dict[str, dict[str, dict[int, float]]] = {}
    for isa in PRODUCTS:
        instructions = functions(build / f"CMakeFiles/linnet_isa_{isa}.dir/kernels/isa/{isa}.cpp.o")
        for function in instructions:
            if match := re.search(r"packed_matmul<.*::(\w+)>\(", function):
                table.setdefault(match[1], {})[isa] = count(instructions, function, isa)
    print("| type | " + " | ".join(f"{isa}, 1 token | 32 tokens" for isa in PRODUCTS) + " |")
    print("|---|" + "---|---|" * len(PRODUCTS))
    for name in sorted(table):
        cells = [f"{table[name][isa].get(tokens, float('nan')):.1f}" for isa in PRODUCTS for tokens in (1, TILE)]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
