#!/usr/bin/env python3
"""Writes fixtures.bin beside this script: blocks of every tensor type and what the PyPI package gguf reads from them.

    pip install gguf numpy && python3 make_fixtures.py

The file is a sequence of records, little-endian: uint32 type as in GGUF, uint32 blocks, the blocks, their float32 values.
"""

import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

# Offsets of the halves in a block of each quantized type.
HALVES = {
    Type.Q4_0: [0],
    Type.Q4_1: [0, 2],
    Type.Q5_0: [0],
    Type.Q5_1: [0, 2],
    Type.Q8_0: [0],
    Type.Q2_K: [80, 82],
    Type.Q3_K: [108],
    Type.Q4_K: [0, 2],
    Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
    Type.IQ4_NL: [0],
    Type.IQ4_XS: [0],
    Type.MXFP4: [],
}
DATA = {Type.I8: np.int8, Type.I16: np.int16, Type.I32: np.int32, Type.I64: np.int64, Type.F64: np.float64}
# Zero, minus zero, the smallest, the largest subnormal, the smallest normal, one, minus one, the largest, minus it.
EDGES = np.array([0, 0x8000, 1, 0x03FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF], np.uint16)


def finite_halves(random, count):
    bits = random.integers(0, 1 << 16, count, np.uint16)
    return np.where(bits & 0x7C00 == 0x7C00, bits ^ 0x4000, bits).astype(np.uint16)


def quantized_blocks(random, kind):
    """Random blocks, blocks of one repeated byte, and every edge as a scale, with finite scales throughout."""
    length, size = gguf.GGML_QUANT_SIZES[kind]
    count = 16 if length < 256 else 5
    blocks = random.integers(0, 256, (count + 2 + len(EDGES), size), np.uint8)
    blocks[count] = 0
    blocks[count + 1] = 255
    for offset in HALVES[kind]:
        scales = finite_halves(random, len(blocks))
        scales[-len(EDGES) :] = EDGES if offset == HALVES[kind][0] else random.permutation(EDGES)
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(-1, 2)
    if kind == Type.MXFP4:
        blocks[-len(EDGES) :, 0] = [0, 1, 2, 3, 126, 127, 128, 254, 255]
    return blocks


def without_nan(values):
    return values[~np.isnan(values)]


def float_blocks(random, kind):
    if kind == Type.F32:
        return without_nan(random.integers(0, 1 << 32, 64, np.uint32).view(np.float32)).view(np.uint8).reshape(-1, 4)
    bits = np.concatenate([random.integers(0, 1 << 16, 64, np.uint16), EDGES])
    wide = bits.view(np.float16) if kind == Type.F16 else (bits.astype(np.uint32) << 16).view(np.float32)
    return bits[~np.isnan(wide)].view(np.uint8).reshape(-1, 2)


def data_values(random, dtype):
    if dtype == np.float64:
        return np.concatenate([random.standard_normal(32), [0, -0.0, 1e30, 1e-44, 1 / 3]]).astype(dtype)
    edges = np.iinfo(dtype)
    return np.concatenate([[edges.min, edges.max, 0, -1], random.integers(edges.min, edges.max, 32, dtype)]).astype(dtype)


def records(random):
    for kind in [Type.F32, Type.F16, Type.BF16]:
        blocks = float_blocks(random, kind)
        # The package takes these types as arrays of numbers, all others as bytes.
        data = blocks if kind == Type.BF16 else blocks.view({Type.F32: np.float32, Type.F16: np.float16}[kind])
        yield kind, blocks, gguf.quants.dequantize(data, kind)
    for kind in HALVES:
        blocks = quantized_blocks(random, kind)
        with np.errstate(over="ignore"):
            yield kind, blocks, gguf.quants.dequantize(blocks, kind)
    for kind, dtype in DATA.items():
        values = data_values(random, dtype)
        yield kind, values.view(np.uint8).reshape(len(values), -1), values.astype(np.float32)


def main():
    path = pathlib.Path(__file__).with_name("fixtures.bin")
    with path.open("wb") as file:
        for kind, blocks, values in records(np.random.default_rng(20)):
            file.write(np.array([kind.value, len(blocks)], "<u4").tobytes())
            file.write(blocks.tobytes())
            file.write(values.astype("<f4").tobytes())
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
