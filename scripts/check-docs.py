#!/usr/bin/env python3
"""check-docs.py - the code that CONTRIBUTING.md shows is the code of the tree: fails for a block that no source holds.

A line of "..." stands for any text, as "..." within a line does. Usage: check-docs.py [ROOT]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
SOURCES = [path for folder in ("include", "kernels", "cmake") for path in sorted((ROOT / folder).rglob("*"))
           if path.suffix in (".hpp", ".ipp", ".cpp", ".cmake")]


def squeeze(text):
    return re.sub(r"\s+", " ", text).strip()


def main():
    document = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```(?:cpp|cmake)\n(.*?)^```$", document, re.M | re.S))
    if not blocks:
        sys.exit("docs: CONTRIBUTING.md shows no code, expected some")
    sources = [squeeze(path.read_text(encoding="utf-8")) for path in SOURCES]
    for block in blocks:
        parts = [re.escape(part.strip()) for part in squeeze(block[1]).split("...")]
        pattern = re.compile(r".*?".join(parts))
        if not any(pattern.search(source) for source in sources):
            line = document[:block.start()].count("\n") + 1
            sys.exit(f"CONTRIBUTING.md:{line}: no source holds this code; show what is there today")
    print(f"docs: {len(blocks)} blocks of CONTRIBUTING.md are the code of the tree")


if __name__ == "__main__":
    main()
