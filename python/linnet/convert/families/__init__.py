"""convert/families - one file per family of architectures, and the list of them: a new one is its file and its name."""

from __future__ import annotations

from ..checkpoint import Config
from ..errors import fail
from .family import Family
from .gemma import GEMMA, GEMMA2, GEMMA3
from .llama import LLAMA, MISTRAL, MIXTRAL, SMOLLM3
from .openelm import OPENELM
from .phi import PHI2, PHI3, PHIMOE
from .qwen import QWEN2, QWEN3

FAMILIES = (LLAMA, MISTRAL, MIXTRAL, SMOLLM3, PHI2, PHI3, PHIMOE, GEMMA, GEMMA2, GEMMA3, QWEN2, QWEN3, OPENELM)


def find_family(config: Config) -> tuple[Family, Config]:
    """The family that "architectures" names, and the configuration of its text model with what it may leave out."""
    classes = config.get("architectures", [])
    known = {name: family for family in FAMILIES for name in family.classes}
    found = [known[name] for name in classes if name in known] if isinstance(classes, list) else []
    if not found:
        fail(
            "unsupported",
            f'{config.path}: "architectures": {classes} is not supported; linnet converts {", ".join(sorted(known))}',
        )
    family = found[0]
    text = config.section("text_config").values or config.values
    return family, Config({**family.defaults, **text}, config.path)  # a null says "none", and takes no default


__all__ = ["FAMILIES", "Family", "find_family"]
