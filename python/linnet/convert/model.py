"""convert/model.py - one conversion from a Hugging Face folder to a GGUF file, end to end; never prints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from .checkpoint import Checkpoint, Config, read_config
from .errors import Error, fail
from .families import find_family
from .gguf_writer import OutputTensor, check_room, write_gguf
from .lora import WEIGHTS, adapter_keys_and_tensors, is_adapter
from .model_card import general_keys
from .output import output_tensors
from .plan import plan_tensors
from .quantized import quantization_of
from .quantizer import find_program, quantize, require_type
from .tensor_types import BY_NAME, F16, FILE_TYPES, TensorType
from .vocabulary import tokenizer_keys
from .weight import Weight

OWN_TYPES = ("F32", "F16", "BF16", "Q8_0")  # the others are made by `linnet quantize`
QUANTIZATION_VERSION = 2  # of the block formats; other programs ask for it


@dataclass(frozen=True)
class Options:
    """How to convert. Every field has a default."""

    type: str = ""  # of the weights, any that `linnet quantize` knows; empty: F16, 4-bit checkpoints as they are
    base: Path | None = None  # for an adapter: the folder of its model; None: as the adapter says
    name: str = ""  # general.name; empty: as the folder says
    tokenizer: Path | None = None  # the folder of the tokenizer where it is not the model's
    program: Path | None = None  # `linnet`, for types that need it; None: found


Report = Callable[[str], None]
Progress = Callable[[int, int], None]  # bytes written, of all


def convert(
    folder: Path | str,
    output: Path | str,
    options: Options | None = None,
    report: Report = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> None:
    """Writes `output`, a model or a LoRA adapter by what the folder holds, whole or not at all, beside its name first.

    Memory: the vocabulary, and some 50 MiB of weights at a time (4-bit checkpoints: one matrix).

    Args:
        folder: a model's or adapter's folder, as downloaded from Hugging Face.
        output: the GGUF file to write; what was there before stays until the new file is whole.
        options: how to convert.
        report: called with each line that a person should read.
        progress: called with the bytes written so far, and those of the whole file.

    Raises:
        Error: with one line that says what is wrong with the folder or the disk.
    """
    folder, output, options = Path(folder), Path(output), options or Options()
    try:
        if is_adapter(folder):
            convert_adapter(folder, output, options, progress)
        else:
            convert_model(folder, output, options, report, progress)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # JSON of another shape
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise Error(
            "bad_model", f"{folder} holds something of an unexpected kind ({text}); download it again"
        ) from error


def convert_adapter(folder: Path, output: Path, options: Options, progress: Progress) -> None:
    """The matrices are small: they stay floats of 32 bits unless `options` ask for others."""
    kind = BY_NAME.get(options.type.upper() or "F32")
    if kind is None or kind.name not in OWN_TYPES:
        fail("invalid_argument", f"an adapter can be {', '.join(OWN_TYPES)}; found {options.type!r}")
    if not (folder / WEIGHTS).is_file():
        fail("io", f"{folder / WEIGHTS} is missing; is the download complete?")
    with Checkpoint(folder, [folder / WEIGHTS]) as checkpoint:
        keys, tensors = adapter_keys_and_tensors(checkpoint, folder, options.base, kind, options.name)
        write(output, keys, tensors, progress)


def convert_model(folder: Path, output: Path, options: Options, report: Report, progress: Progress) -> None:
    """As convert(), for a folder that holds a model."""
    wanted = options.type.upper()
    config = read_config(folder)
    family, text_config = find_family(config)
    with Checkpoint(folder) as checkpoint:
        quantization = quantization_of(config)
        weights = quantization.weights(checkpoint)
        plan = plan_tensors(weights, text_config, family)
        keys = make_keys(folder, config, text_config, plan, options, report)
        if not wanted:
            for line in sorted({weight.note for weight in plan.values() if weight.note}):
                report(line)
        if wanted in ("", *OWN_TYPES):
            own = BY_NAME.get(wanted, F16)
            tensors = output_tensors(plan, own, keep_blocks=not wanted)
            write(output, keys, tensors, progress)
            return
        if quantization.method:
            fail(
                "invalid_argument",
                f"{folder} holds 4-bit weights already; convert it without --type, or with --type "
                f"{' | '.join(OWN_TYPES)} to write them out",
            )
        program = find_program(options.program)
        require_type(program, wanted)
        first = source_type(checkpoint)
        whole = output.with_name(output.name + f".{first.name.lower()}.part")
        try:
            check_room(output, 0)
            write(whole, keys, output_tensors(plan, first, keep_blocks=False), progress)
            quantize(program, whole, output, wanted)
        finally:
            whole.unlink(missing_ok=True)


def write(path: Path, keys: Mapping[str, Any], tensors: list[OutputTensor], progress: Progress) -> None:
    """Adds what the tensors say of themselves to the keys, and writes the file."""
    kind = main_type(tensors)
    keys = {**keys, "general.file_type": FILE_TYPES[kind.name], "general.quantization_version": QUANTIZATION_VERSION}
    total, done = sum(tensor.bytes for tensor in tensors), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    write_gguf(path, keys, tensors, advance)


def main_type(tensors: list[OutputTensor]) -> TensorType:
    """The type of most weights."""
    sizes: dict[str, int] = {}
    for tensor in tensors:
        if len(tensor.shape) > 1:
            sizes[tensor.type.name] = sizes.get(tensor.type.name, 0) + math.prod(tensor.shape)
    return BY_NAME[max(sizes, key=lambda name: sizes[name])] if sizes else F16


def source_type(checkpoint: Checkpoint) -> TensorType:
    """The type that loses nothing of the checkpoint, for a file that is quantized next."""
    dtypes = {tensor.dtype for tensor in checkpoint.tensors.values() if len(tensor.shape) > 1}
    return BY_NAME["F16"] if dtypes <= {"F16"} else BY_NAME["BF16"] if dtypes <= {"BF16"} else BY_NAME["F32"]


def make_keys(
    folder: Path, config: Config, text_config: Config, plan: Mapping[str, Weight], options: Options, report: Report
) -> dict[str, Any]:
    """All keys but those that depend on the type of the weights."""
    family, _ = find_family(config)
    vocabulary_size = plan["token_embd.weight"].rows
    vocabulary, notes = tokenizer_keys(options.tokenizer or folder, vocabulary_size, config.values, family.name)
    for line in notes:
        report(line)
    parameters = sum(weight.elements for name, weight in plan.items() if not name.startswith("rope_"))
    keys: dict[str, Any] = {"general.architecture": family.name}
    keys.update(general_keys(folder, str(config.get("_name_or_path", "")), parameters))
    if options.name:
        keys["general.name"] = options.name
    model_keys = family.keys(text_config) | {"vocab_size": vocabulary_size}
    keys.update({f"{family.name}.{key}": value for key, value in model_keys.items()})
    return keys | vocabulary
