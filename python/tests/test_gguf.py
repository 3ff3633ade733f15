"""linnet.gguf: metadata, zero-copy views, dequantization, writing."""

from __future__ import annotations

import gc
import pathlib
from collections.abc import Iterator

import linnet
import numpy as np
import pytest
from linnet import gguf


def test_metadata_and_tensors(model_path: str) -> None:
    with gguf.open(model_path) as file:
        assert file.metadata["general.architecture"] == "llama"
        assert file.metadata.type("general.architecture") == "string"
        assert "llama.block_count" in file.metadata
        assert len(list(file.metadata)) == len(file.metadata)
        tokens = file.metadata["tokenizer.ggml.tokens"]
        assert isinstance(tokens[5], str)
        scores = file.metadata.get("tokenizer.ggml.token_type")
        assert isinstance(scores, np.ndarray) and scores.dtype == np.int32
        embedding = file.tensors["token_embd.weight"]
        assert embedding.shape[0] == len(tokens)
        assert file.version == 3
        assert file.size == pathlib.Path(model_path).stat().st_size
        assert [str(path) for path in file.paths] == [model_path]
        assert file.warnings == []
        with pytest.raises(KeyError):
            file.metadata["no.such.key"]
    with pytest.raises(linnet.Error, match="closed"):
        _ = file.tensors


def test_views_copy_nothing_and_outlive_the_file(model_path: str) -> None:
    file = gguf.open(model_path)
    tensor = file.tensors["token_embd.weight"]
    one, other = tensor.data, tensor.data
    assert one.ctypes.data == other.ctypes.data
    assert not one.flags.owndata and not one.flags.writeable
    with pytest.raises(ValueError):
        one.flags.writeable = True
    with pytest.raises(ValueError):
        one[...] = 0
    raw = pathlib.Path(model_path).read_bytes()[tensor.offset : tensor.offset + tensor.nbytes]
    file.close()
    del file, tensor, other
    gc.collect()
    assert one.tobytes() == raw


def test_every_tensor_dequantizes_to_its_shape(model_path: str) -> None:
    with gguf.open(model_path) as file:
        for tensor in file.tensors.values():
            values = tensor.dequantize()
            assert values.shape == tensor.shape
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
            again = linnet.quant.quantize(values, tensor.type).reshape(-1)
            error = np.abs(linnet.quant.dequantize(again, tensor.type).reshape(tensor.shape) - values).max()
            assert error <= 0.02 * np.abs(values).max()


def test_a_copy_has_the_same_bytes(tmp_path: pathlib.Path, model_path: str) -> None:
    with gguf.open(model_path) as file:
        writer = gguf.Writer(file.metadata)
        for tensor in file.tensors.values():
            writer.add_tensor(tensor.name, tensor.data, type=tensor.type, shape=tensor.shape)
        writer.write(tmp_path / "copy.gguf")
        assert writer.file_size == file.size
    assert (tmp_path / "copy.gguf").read_bytes() == pathlib.Path(model_path).read_bytes()


def test_what_is_written_is_read(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((6, 64), dtype=np.float32)
    keys = {
        "a.bool": True,
        "a.int": 7,
        "a.negative": -7,
        "a.large": 2**40,
        "a.float": 0.5,
        "a.text": "grüße",
        "a.u8": np.uint8(3),
        "a.f64": np.float64(0.1),
        "a.texts": ["x", "y z", ""],
        "a.flags": [True, False],
        "a.ints": [1, -2, 3],
        "a.array": np.arange(5, dtype=np.int16),
    }
    writer = gguf.Writer(keys)
    writer.add_tensor("plain", matrix)
    writer.add_tensor("half", matrix.astype(np.float16))
    writer.add_tensor("quantized", matrix, type="q8_0")
    writer.add_tensor("blocks", linnet.quant.quantize(matrix, "Q4_0"), type="Q4_0")
    writer.add_tensor("bfloat", matrix, type="bf16")
    writer.add_tensor("integers", np.arange(6, dtype=np.int32))

    def pieces() -> Iterator[np.ndarray]:  # type: ignore[type-arg]
        yield from matrix

    writer.add_tensor("stream", pieces, type="F32", shape=matrix.shape)
    path = tmp_path / "new.gguf"
    writer.write(path)

    with gguf.open(path) as file:
        for key, value in keys.items():
            np.testing.assert_array_equal(file.metadata[key], value)
        assert file.metadata.type("a.int") == "u32"
        assert file.metadata.type("a.negative") == "i32"
        assert file.metadata.type("a.large") == "u64"
        assert file.metadata.type("a.float") == "f32"
        assert file.metadata.type("a.u8") == "u8"
        assert file.metadata.type("a.ints") == "array of i32"
        assert file.metadata.type("a.array") == "array of i16"
        np.testing.assert_array_equal(file.tensors["plain"].data, matrix)
        np.testing.assert_array_equal(file.tensors["stream"].data, matrix)
        np.testing.assert_array_equal(file.tensors["half"].data, matrix.astype(np.float16))
        np.testing.assert_array_equal(file.tensors["integers"].data, np.arange(6))
        assert file.tensors["quantized"].data.shape == (6, 68)
        assert np.abs(file.tensors["quantized"].dequantize() - matrix).max() < 0.03
        assert np.abs(file.tensors["blocks"].dequantize() - matrix).max() < 0.5
        assert file.tensors["bfloat"].data.dtype == np.uint16
        assert np.abs(file.tensors["bfloat"].dequantize() - matrix).max() < 0.02


def test_unaligned_tensors(tmp_path: pathlib.Path) -> None:
    writer = gguf.Writer({"general.alignment": 1, "a": "b"})
    writer.add_tensor("bytes", np.arange(3, dtype=np.int8))
    writer.add_tensor("floats", np.arange(5, dtype=np.float32))
    writer.write(tmp_path / "odd.gguf")
    with gguf.open(tmp_path / "odd.gguf") as file:
        floats = file.tensors["floats"].data
        assert floats.sum() == 10
        np.testing.assert_array_equal(file.tensors["floats"].dequantize(), np.arange(5))


def test_a_failed_write_leaves_what_was_there(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "old.gguf"
    path.write_bytes(b"old")

    def broken() -> Iterator[np.ndarray]:  # type: ignore[type-arg]
        yield np.zeros(8, dtype=np.float32)
        raise RuntimeError("no more")

    def short() -> list[np.ndarray]:  # type: ignore[type-arg]
        return [np.zeros(8, dtype=np.float32)]

    def strange() -> list[str]:
        return ["text"]

    for data, expected in (
        (broken, RuntimeError),
        (short, linnet.Error),
        (strange, (linnet.Error, ValueError)),
    ):
        writer = gguf.Writer({"a": 1})
        writer.add_tensor("t", data, type="F32", shape=(16,))  # type: ignore[arg-type]
        with pytest.raises(expected):  # type: ignore[arg-type]
            writer.write(path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk() -> None:
    if not pathlib.Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    writer = gguf.Writer({"a": 1})
    with pytest.raises(linnet.Error) as caught:
        writer.write("/dev/full")
    assert caught.value.code == "io"
    with pytest.raises(linnet.Error) as caught:
        writer.write("/no/such/folder/model.gguf")
    assert caught.value.code == "io"


def test_bad_tensors_and_keys_are_refused() -> None:
    writer = gguf.Writer()
    matrix = np.zeros((2, 64), dtype=np.float32)
    for attempt in (
        lambda: writer.add_tensor("", matrix),
        lambda: writer.add_tensor("a" * 65, matrix),
        lambda: writer.add_tensor("a", matrix, type="q9"),
        lambda: writer.add_tensor("a", matrix, type="q4_k"),  # 64 is no multiple of 256
        lambda: writer.add_tensor("a", matrix.astype(np.complex64)),
        lambda: writer.add_tensor("a", lambda: [matrix]),
        lambda: writer.add_tensor("a", matrix, shape=(-2, 64)),
        lambda: writer.add_tensor("a", matrix, shape=(2**62, 2**62)),
        lambda: writer.add_tensor("a", np.zeros((1, 1, 1, 1, 1), dtype=np.float32)),
        lambda: writer.add_tensor("a", np.zeros((2, 7), dtype=np.uint8), type="q8_0"),
        lambda: writer.set("", 1),
        lambda: writer.set("a b", 1),
        lambda: writer.set("a", object()),
        lambda: writer.set("a", []),
        lambda: writer.set("a", [1, "b"]),
        lambda: writer.set("a", 300, type="u8"),
        lambda: writer.set("a", 2**70),
        lambda: writer.set("a", "x", type="f32"),
        lambda: writer.set("a", 1, type="strange"),
        lambda: writer.set("a", 1, type="array of u8"),
        lambda: writer.set("a", 1, type="bool"),
    ):
        with pytest.raises(linnet.Error):
            attempt()
    writer.add_tensor("a", matrix)
    with pytest.raises(linnet.Error):
        writer.add_tensor("a", matrix)


def test_broken_files_have_codes(tmp_path: pathlib.Path, model_path: str) -> None:
    whole = pathlib.Path(model_path).read_bytes()
    path = tmp_path / "broken.gguf"
    for content, code in (
        (b"XXXX" + whole[4:], "magic"),
        (whole[:4] + b"\x09" + whole[5:], "version"),
        (whole[:100], "count"),
        (whole[:3000], "truncated"),
        (whole[:16] + b"\xff" * 8 + whole[24:], "count"),
    ):
        path.write_bytes(content)
        with pytest.raises(linnet.Error) as caught:
            gguf.open(path)
        assert caught.value.code == code
