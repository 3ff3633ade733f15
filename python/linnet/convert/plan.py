"""convert/plan.py - which tensors a GGUF file gets, under which names, from what of a checkpoint; writes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .checkpoint import Config
from .errors import fail
from .families import Family
from .rope import rope_tensors
from .safetensors import StoredTensor
from .weight import Weight, from_stored, stack

# The text model's names inside a model that also sees.
PREFIXES = {"language_model.model.": "model.", "model.language_model.": "model.", "language_model.lm_head": "lm_head"}
NOT_TEXT = ("vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector.")
RECOMPUTED = (
    ".rotary_emb.inv_freq",
    ".rotary_emb.cos_cached",
    ".rotary_emb.sin_cached",
    ".self_attn.bias",
    ".masked_bias",
)


def plain_weights(tensors: Mapping[str, StoredTensor]) -> dict[str, Weight]:
    """Those that are stored as floats."""
    weights = {}
    for name, tensor in tensors.items():
        if is_text(name):
            if not tensor.is_float:
                fail(
                    "unsupported",
                    f"{tensor.shard.path}: tensor {name!r} is of type {tensor.dtype}; expected floats: "
                    "is the checkpoint quantized in a way that config.json does not name?",
                )
            weights[name] = from_stored(tensor)
    return weights


def is_text(name: str) -> bool:
    """Whether a tensor belongs to the text model and is not computed again at load."""
    return not name.startswith(NOT_TEXT) and not name.endswith(RECOMPUTED)


def plan_tensors(weights: Mapping[str, Weight], config: Config, family: Family) -> dict[str, Weight]:
    """What to write, by its name and in the order of the file: embedding, layers, output, RoPE factors."""
    layers = config.integer(family.layers)
    named = rename(weights, family, config)
    if config.flag("tie_word_embeddings", family.tied):
        named = tie_output(named)
    arranged: dict[str, Weight] = {}
    for name, weight in named.items():
        arranged.update(family.arrange(config, name, weight))
    check_complete(arranged, config, family, layers)
    arranged.update(rope_tensors(config, family.rope(config)))
    return {name: arranged[name] for name in sorted(arranged, key=file_order)}


def tie_output(named: Mapping[str, Weight]) -> dict[str, Weight]:
    """Without an output matrix; with a copy where the output has a bias, which readers take with a matrix only."""
    tied = {name: weight for name, weight in named.items() if name != "output.weight"}
    if "output.bias" in tied and "token_embd.weight" in tied:
        tied["output.weight"] = tied["token_embd.weight"]
    return tied


def rename(weights: Mapping[str, Weight], family: Family, config: Config) -> dict[str, Weight]:
    """GGUF's names for all tensors; experts are stacked."""
    named: dict[str, Weight] = {}
    experts: dict[str, dict[int, Weight]] = {}
    for source, weight in weights.items():
        name, expert = gguf_name(source, family)
        if name is None:
            fail(
                "unsupported",
                f"{config.path.parent}: tensor {source!r} has no place in a {family.name} model; "
                "is the model a variant that linnet does not know?",
            )
        if name in named or expert in experts.get(name, {}):
            fail("bad_model", f"{config.path.parent}: tensor {source!r} is there twice, under another name")
        if expert is None:
            named[name] = weight
        else:
            experts.setdefault(name, {})[expert] = weight
    for name, parts in experts.items():
        named[name] = stack([parts[i] for i in all_experts(parts, name, config)])
    return named


def all_experts(parts: Mapping[int, Weight], name: str, config: Config) -> range:
    """The numbers of the experts, all of which must be there in one shape."""
    count = config.integer("num_local_experts", len(parts))
    missing = sorted(set(range(count)) - set(parts))
    if missing or len(parts) != count:
        fail(
            "bad_model",
            f"{config.path.parent}: {name}: expected {count} experts, found {len(parts)}, "
            f"missing {missing[:3]}; is a shard missing?",
        )
    if len({part.shape for part in parts.values()}) != 1:
        fail("bad_model", f"{config.path.parent}: {name}: the experts' matrices differ in shape")
    return range(count)


def gguf_name(source: str, family: Family) -> tuple[str | None, int | None]:
    """The name for model.layers.3.mlp.up_proj.weight, blk.3.ffn_up.weight, and the number of its expert."""
    for prefix, replacement in PREFIXES.items():
        if source.startswith(prefix):
            source = replacement + source[len(prefix) :]
    module, suffix = re.fullmatch(r"(.*?)(\.weight|\.bias)?", source).groups(".weight")  # type: ignore[union-attr]
    if module in family.globals:
        return family.globals[module] + suffix, None
    block = re.fullmatch(r"(?:model|transformer)\.layers\.(\d+)\.(.*)", module)
    if not block:
        return None, None
    expert = re.search(r"\.experts\.(\d+)\.", block[2])
    part = family.blocks.get(re.sub(r"\.experts\.\d+\.", ".experts.*.", block[2]))
    return part and f"blk.{block[1]}.{part}{suffix}", expert and int(expert[1])


def check_complete(tensors: Mapping[str, Weight], config: Config, family: Family, layers: int) -> None:
    """Every layer has what the first one has, and the whole model an embedding, a last norm and an output."""
    folder = config.path.parent
    first = [name[len("blk.0.") :] for name in tensors if name.startswith("blk.0.")]
    needed = ["token_embd.weight", "output_norm.weight"]
    needed += [f"blk.{i}.{name}" for i in range(layers) for name in first or ["attn_norm.weight"]]
    if not config.flag("tie_word_embeddings", True):
        needed.append("output.weight")
    for name in needed:
        if name not in tensors:
            fail("bad_model", f"{folder} has no tensor for {name}; is a shard missing?")
    beyond = [name for name in tensors if name.startswith("blk.") and int(name.split(".")[1]) >= layers]
    if beyond:
        fail("bad_model", f'{config.path}: "{family.layers}" is {layers}, but there is a tensor for {beyond[0]}')


def file_order(name: str) -> tuple[int, int]:
    """Sorting is stable: within a layer the checkpoint's order stays."""
    if name.startswith("blk."):
        return 1, int(name.split(".")[1])
    return {"token_embd": 0, "output_norm": 2, "output": 3}.get(name.split(".")[0], 4), 0
