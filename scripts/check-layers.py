#!/usr/bin/env python3
"""check-layers.py - fails when an #include points the wrong way through linnet's layers. Reads nothing but #includes.

Usage: check-layers.py [ROOT]
"""
import pathlib
import re
import sys

# What each layer may include, beside itself. A layer knows only those that stand before it.
LAYERS = {
    "base": set(),
    "gguf": {"base"},
    "quant": {"base"},  # beside gguf: neither knows the other
    "kernels": {"base", "quant"},
    "laboratory": {"base", "quant", "kernels"},  # measures kernels; nothing stands on it
    "text": {"base", "gguf"},
    "model": {"base", "gguf", "quant", "kernels", "text"},
    "sampling": {"base", "gguf", "text", "model"},
    "runtime": {"base", "gguf", "quant", "kernels", "text", "model", "sampling"},
}

# Other people's headers, and the only files that may include them. No public signature holds a type of theirs.
THIRD_PARTY = {
    r"xsimd/.*": r"kernels/.*",
    r"omp\.h": r"include/linnet/base/threads\.ipp",
    r"utf8proc\.h": r"include/linnet/text/.*\.ipp",
    r"Eigen/.*": r"$^",
    r"CLI/.*": r"src/cli/options\.cpp",
    r"nlohmann/.*": r"src/(cli|server)/.*",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    """The layer that a file of the tree belongs to; None for those that may include everything."""
    parts = path.split("/")
    if parts[:2] == ["include", "linnet"] and len(parts) > 3:
        return parts[2]
    if parts[0] == "kernels":
        return "kernels"
    if parts[0] == "src" and len(parts) == 2:
        return parts[1].removesuffix(".cpp")
    return None


def target_of(path, quote, name):
    """The file of the tree that an include names, or None where it is none of linnet's."""
    if quote == '"':
        folders = path.split("/")[:-1]
        for part in name.split("/"):
            if part == "..":
                folders = folders[:-1]
            else:
                folders.append(part)
        return "/".join(folders)
    return "include/" + name if name.startswith("linnet/") else None


def check_include(path, quote, name):
    """What is wrong with one include, or None."""
    for pattern, allowed in THIRD_PARTY.items():
        if re.fullmatch(pattern, name) and not re.fullmatch(allowed, path):
            return f"{name} does not belong here"
    layer = layer_of(path)
    target = target_of(path, quote, name)
    if layer is None or target is None:
        return None
    if layer not in LAYERS:
        return f'the layer "{layer}" is not in {pathlib.Path(__file__).name}'
    included = layer_of(target)
    if included != layer and included not in LAYERS[layer]:
        return f"{layer} must not include {included or target}"
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files = [f for folder in ("include", "kernels", "src") for f in (root / folder).rglob("*.[hic]pp")]
    wrong = includes = 0
    for file in sorted(files):
        path = file.relative_to(root).as_posix()
        text = file.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            includes += 1
            problem = check_include(path, *match.groups())
            if problem:
                wrong += 1
                print(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {problem}")
    if not files:
        sys.exit(f"{root}: no files to check")
    print(f"layers: {includes} includes in {len(files)} files, {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
