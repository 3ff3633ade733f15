"""linnet.quant: arrays to blocks and back."""

from __future__ import annotations

import linnet
import numpy as np
import pytest
from linnet import quant

GAUSSIAN = np.random.default_rng(0).standard_normal((3, 5, 512), dtype=np.float32)


@pytest.mark.parametrize("type", quant.types())
def test_values_come_back(type: str) -> None:
    info = quant.info(type)
    blocks = quant.quantize(GAUSSIAN, type)
    assert blocks.dtype == np.uint8
    assert blocks.shape == (3, 5, 512 // info.block_length * info.block_bytes)
    values = quant.dequantize(blocks, type.lower())
    assert values.shape == GAUSSIAN.shape
    error = float(np.sqrt(((values - GAUSSIAN) ** 2).mean() / (GAUSSIAN**2).mean()))
    mantissa = {"F32": 24, "F16": 11, "BF16": 8}.get(type)
    assert error <= 2.0 ** (1.2 - info.bits_per_weight if mantissa is None else -mantissa)
    np.testing.assert_array_equal(quant.quantize(GAUSSIAN[1, 2], type), blocks[1, 2])


def test_more_bits_less_error() -> None:
    def error(type: str) -> float:
        return float(((quant.dequantize(quant.quantize(GAUSSIAN, type), type) - GAUSSIAN) ** 2).sum())

    errors = [error(type) for type in ("F32", "F16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q3_K", "Q2_K")]
    assert errors == sorted(errors)
    assert errors[0] == 0


def test_strided_arrays_are_taken() -> None:
    wide = np.asfortranarray(GAUSSIAN[0])
    np.testing.assert_array_equal(quant.quantize(wide, "q4_0"), quant.quantize(GAUSSIAN[0], "q4_0"))
    np.testing.assert_array_equal(
        quant.quantize(GAUSSIAN[:, ::2], "q4_0"), quant.quantize(GAUSSIAN[:, ::2].copy(), "q4_0")
    )
    skewed = np.frombuffer(b"x" + GAUSSIAN[0].tobytes(), dtype=np.float32, offset=1).reshape(5, 512)
    np.testing.assert_array_equal(quant.quantize(skewed, "q4_0"), quant.quantize(GAUSSIAN[0], "q4_0"))


def test_bad_arrays_are_refused() -> None:
    good = GAUSSIAN[0]
    for attempt in (
        lambda: quant.quantize(good.astype(np.float64), "q4_0"),  # type: ignore[arg-type]
        lambda: quant.quantize(good.astype(">f4"), "q4_0"),
        lambda: quant.quantize(good[:, :33], "q4_0"),
        lambda: quant.quantize(good.tolist(), "q4_0"),  # type: ignore[arg-type]
        lambda: quant.quantize(np.float32(3), "q4_0"),  # type: ignore[arg-type]
        lambda: quant.quantize(np.array(3, dtype=np.float32), "f32"),
        lambda: quant.quantize(good, "q9"),
        lambda: quant.quantize(good, "iq1_s"),
        lambda: quant.quantize(good, ""),
        lambda: quant.dequantize(np.zeros(17, dtype=np.uint8), "q4_0"),
        lambda: quant.dequantize(np.zeros(18, dtype=np.int8), "q4_0"),  # type: ignore[arg-type]
        lambda: quant.dequantize(np.zeros(50, dtype=np.uint8), "iq1_s"),
        lambda: quant.info("nothing"),
    ):
        with pytest.raises(linnet.Error):
            attempt()


def test_empty_arrays() -> None:
    assert quant.quantize(np.zeros((0, 64), dtype=np.float32), "q4_0").shape == (0, 36)
    assert quant.dequantize(np.zeros((4, 0), dtype=np.uint8), "q4_0").shape == (4, 0)


def test_not_a_number_becomes_zero() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0] * 8, dtype=np.float32)
    assert np.isfinite(quant.dequantize(quant.quantize(values, "q8_0"), "q8_0")).all()
