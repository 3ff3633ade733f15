"""linnet.kernels: every available instruction set against NumPy in float64."""

from __future__ import annotations

import linnet
import numpy as np
import pytest
from linnet import kernels, quant

RNG = np.random.default_rng(7)


def gaussian(*shape: int) -> np.ndarray:  # type: ignore[type-arg]
    return RNG.standard_normal(shape, dtype=np.float32)


@pytest.fixture(params=kernels.available())
def isa(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_lists() -> None:
    assert kernels.available()[-1] == "scalar"
    assert set(kernels.available()) <= set(kernels.built())
    assert kernels.active() in kernels.available()
    with pytest.raises(linnet.Error, match="scalar"):
        kernels.gelu(gaussian(4), isa="z80")


@pytest.mark.parametrize("type", quant.types())
def test_products(isa: str, type: str) -> None:
    weights = quant.quantize(gaussian(37, 512), type)
    x = gaussian(5, 512)
    expected = x.astype(np.float64) @ quant.dequantize(weights, type).astype(np.float64).T
    size = np.abs(expected).max()
    y = kernels.gemm(weights, x, type=type, isa=isa)
    assert y.shape == (5, 37)
    assert np.abs(y - expected).max() < 1e-5 * size
    np.testing.assert_array_equal(kernels.matvec(weights, x[3], type=type, isa=isa), y[3])
    for activations in ("int8", "bfloat16"):
        try:
            rounded = kernels.gemm(weights, x, type=type, activations=activations, isa=isa)  # type: ignore[arg-type]
        except linnet.Error as error:
            assert error.code == "unsupported"
            assert type in ("F32", "F16", "BF16") or isa.startswith("neon") or activations == "bfloat16"
        else:
            assert np.abs(rounded - expected).max() < 0.02 * size
            one = kernels.matvec(weights, x[0], type=type, activations=activations, isa=isa)  # type: ignore[arg-type]
            np.testing.assert_allclose(one, rounded[0], atol=1e-6 * size if activations == "int8" else 1e-2 * size)


@pytest.mark.parametrize("kv_type", ["f32", "f16", "bf16", "q8_0"])
@pytest.mark.parametrize(("window", "soft_cap"), [(0, 0.0), (20, 0.0), (0, 3.0)])
def test_attention(isa: str, kv_type: str, window: int, soft_cap: float) -> None:
    tokens, heads, kv_heads, dim, positions = 3, 4, 2, 48, 70
    q, k, v = (
        gaussian(tokens, heads, dim),
        gaussian(positions, kv_heads, dim),
        gaussian(positions, kv_heads, dim),
    )
    y = kernels.attention(q, k, v, window=window, soft_cap=soft_cap, kv_type=kv_type, isa=isa)
    for t in range(tokens):
        last = positions - tokens + t
        first = max(0, last + 1 - window) if window else 0
        for h in range(heads):
            keys = k[first : last + 1, h // 2].astype(np.float64)
            scores = keys @ q[t, h] / np.sqrt(dim)
            if soft_cap:
                scores = soft_cap * np.tanh(scores / soft_cap)
            weights = np.exp(scores - scores.max())
            expected = weights / weights.sum() @ v[first : last + 1, h // 2].astype(np.float64)
            limit = {"f32": 1e-5, "f16": 3e-3, "bf16": 2e-2, "q8_0": 3e-2}[kv_type]
            assert np.abs(y[t, h] - expected).max() < limit


def test_norms(isa: str) -> None:
    x, weight, bias = gaussian(3, 96), gaussian(96), gaussian(96)
    exact = x.astype(np.float64)
    rms = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(kernels.rms_norm(x, weight, epsilon=1e-6, isa=isa), rms * weight, atol=1e-5)
    np.testing.assert_allclose(kernels.rms_norm(x, epsilon=1e-6, isa=isa), rms, atol=1e-5)
    centred = exact - exact.mean(axis=1, keepdims=True)
    layer = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * weight + bias
    np.testing.assert_allclose(kernels.layer_norm(x, weight, bias, isa=isa), layer, atol=1e-5)


@pytest.mark.parametrize("style", ["interleaved", "halves"])
def test_rope(isa: str, style: str) -> None:
    x, positions = gaussian(4, 2, 40), [0, 1, 5, 300]
    frequencies = (10000.0 ** (-np.arange(16) / 16)).astype(np.float32)
    y = kernels.rope(x, positions, frequencies, style=style, isa=isa)  # type: ignore[arg-type]
    angle = (np.array(positions, dtype=np.float32)[:, None] * frequencies).astype(np.float64)[:, None]
    first, second = (slice(0, 32, 2), slice(1, 32, 2)) if style == "interleaved" else (slice(16), slice(16, 32))
    expected = x.astype(np.float64)
    a, b = expected[..., first].copy(), expected[..., second].copy()
    expected[..., first] = a * np.cos(angle) - b * np.sin(angle)
    expected[..., second] = a * np.sin(angle) + b * np.cos(angle)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_array_equal(y[..., 32:], x[..., 32:])


def test_activations(isa: str) -> None:
    x, up = gaussian(101) * 4, gaussian(101)
    exact = x.astype(np.float64)
    gelu = 0.5 * exact * (1 + np.tanh(np.sqrt(2 / np.pi) * (exact + 0.044715 * exact**3)))
    np.testing.assert_allclose(kernels.gelu(x, isa=isa), gelu, atol=1e-5)
    np.testing.assert_allclose(kernels.gelu_gate(x, up, isa=isa), gelu * up, atol=2e-5)
    np.testing.assert_allclose(kernels.silu_gate(x, up, isa=isa), exact / (1 + np.exp(-exact)) * up, atol=2e-5)
    np.testing.assert_allclose(kernels.soft_cap(x, 2.0, isa=isa), 2 * np.tanh(exact / 2), atol=1e-5)


def test_bad_arrays_are_refused() -> None:
    weights = quant.quantize(gaussian(4, 64), "q8_0")
    x, q, k = gaussian(2, 64), gaussian(2, 4, 32), gaussian(9, 2, 32)
    frequencies = np.ones(16, dtype=np.float32)
    for attempt in (
        lambda: kernels.gemm(weights, x[:, :32].copy(), type="q8_0"),
        lambda: kernels.gemm(weights, x[0], type="q8_0"),
        lambda: kernels.matvec(weights, x, type="q8_0"),
        lambda: kernels.gemm(weights, x.astype(np.float64), type="q8_0"),  # type: ignore[arg-type]
        lambda: kernels.gemm(weights[:, 1:], x, type="q8_0"),
        lambda: kernels.gemm(weights[0], x, type="q8_0"),
        lambda: kernels.gemm(weights, x, type="q8_1"),
        lambda: kernels.gemm(weights, x, type="q8_0", activations="int4"),  # type: ignore[arg-type]
        lambda: kernels.gemm(weights.view(np.int8), x, type="q8_0"),  # type: ignore[arg-type]
        lambda: kernels.attention(q, k, k[:5]),
        lambda: kernels.attention(q, k[:1], k[:1]),
        lambda: kernels.attention(q, k[..., :16].copy(), k[..., :16].copy()),
        lambda: kernels.attention(q[:, :3], k, k),
        lambda: kernels.attention(q[0], k, k),
        lambda: kernels.attention(q, k, k, window=-1),
        lambda: kernels.attention(q, k, k, kv_type="q4_k"),
        lambda: kernels.attention(q, k[:, :0], k[:, :0]),
        lambda: kernels.rms_norm(x, x[0, :3]),
        lambda: kernels.rms_norm(x[0]),
        lambda: kernels.rope(q, [1], frequencies),
        lambda: kernels.rope(q, [1, "a"], frequencies),  # type: ignore[list-item]
        lambda: kernels.rope(q, [1, 2], np.ones(17, dtype=np.float32)),
        lambda: kernels.rope(q, [1, 2], frequencies, style="sideways"),  # type: ignore[arg-type]
        lambda: kernels.silu_gate(x[0], x[0, :3]),
        lambda: kernels.gelu(None),  # type: ignore[arg-type]
    ):
        with pytest.raises(linnet.Error):
            attempt()


def test_empty_arrays() -> None:
    weights = quant.quantize(gaussian(4, 64), "q8_0")
    assert kernels.gemm(weights, gaussian(0, 64), type="q8_0").shape == (0, 4)
    assert kernels.gemm(weights[:0], gaussian(2, 64), type="q8_0", activations="int8").shape == (2, 0)
    assert kernels.attention(gaussian(0, 4, 32), gaussian(3, 2, 32), gaussian(3, 2, 32)).shape == (0, 4, 32)
    assert kernels.rms_norm(gaussian(0, 8)).shape == (0, 8)
    assert kernels.gelu(gaussian(0)).shape == (0,)
