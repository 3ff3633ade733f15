"""GGUF files: metadata, tensors as NumPy views, writing. Never interprets a model."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Union

import numpy as np
import numpy.typing as npt

from . import _core, quant
from ._errors import Error

if TYPE_CHECKING:
    from ._types import ByteArray, FloatArray, Path

    Data = Union[npt.NDArray[Any], Callable[[], Iterable[npt.NDArray[Any]]]]

# The types that NumPy has, too. BF16 is not among them: its bits are given as uint16.
_NUMPY_TYPES: dict[str, npt.DTypeLike] = {
    "F32": np.float32,
    "F16": np.float16,
    "F64": np.float64,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "BF16": np.uint16,
}
_GGUF_TYPES: dict[str, str] = {
    np.dtype(numpy_type).name: name for name, numpy_type in _NUMPY_TYPES.items() if name != "BF16"
}


class Tensor:
    """A tensor of an open file."""

    name: str
    type: str
    """``"F32"``, ``"Q4_K"``, ..."""
    shape: tuple[int, ...]
    """Rows first, as NumPy counts: a GGUF shape backwards."""
    nbytes: int
    offset: int
    """Of its data, in bytes from the start of its file."""
    part: int
    """Which file of a split model, from 0."""

    def __init__(self, core: _core.gguf.File, index: int, row: tuple[Any, ...]) -> None:
        """Not for users."""
        self._core = core
        self._index = index
        self.name, self.type, self.shape, self.nbytes, self.offset, self.part = row

    def __repr__(self) -> str:
        """Name, type and shape."""
        return f"<linnet.gguf.Tensor {self.name!r}: {self.type} {list(self.shape)}>"

    @property
    def data(self) -> npt.NDArray[Any]:
        """The tensor where it lies in the file: read-only, nothing is copied, and the file stays mapped.

        An array of this shape for types that NumPy has (BF16: its bits as uint16); for the others uint8
        [..., bytes of a row], the blocks of :func:`linnet.quant.dequantize`.
        """
        raw: npt.NDArray[Any] = self._core.data(self._index)
        if self.type in _NUMPY_TYPES:
            return raw.view(_NUMPY_TYPES[self.type]).reshape(self.shape)
        block = quant.info(self.type)
        row_bytes = self.shape[-1] // block.block_length * block.block_bytes
        return raw.reshape((*self.shape[:-1], row_bytes))

    def dequantize(self) -> FloatArray:
        """The tensor as float32 of its shape, whatever its type; a copy."""
        if self.type == "F32":
            return np.array(self.data, dtype=np.float32)
        raw = self._core.data(self._index)
        return quant.dequantize(raw, self.type).reshape(self.shape)


class Metadata(Mapping[str, Any]):
    """The keys and values of a file, in its order. Values are made when they are asked for.

    Numbers, bools and strings are Python's; arrays of numbers are NumPy arrays, others lists. Bytes that are
    no UTF-8 become lone surrogates, as in Python's file names.
    """

    def __init__(self, core: _core.gguf.File) -> None:
        """Not for users."""
        self._core = core
        self._keys = core.keys()

    def __getitem__(self, key: str) -> Any:
        """The value of a key."""
        return self._core.value(key)

    def __iter__(self) -> Iterator[str]:
        """The keys."""
        return iter(self._keys)

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def type(self, key: str) -> str:
        """The type that the file gives a value: ``"u32"``, ``"string"``, ``"array of f32"``, ..."""
        return self._core.value_type(key)


class File:
    """An open GGUF file, or all parts of a split one. Views of its tensors outlive :meth:`close`.

    Example:
        >>> with linnet.gguf.open("model.gguf") as file:
        ...     print(file.metadata["general.name"])
        ...     for tensor in file.tensors.values():
        ...         print(tensor.name, tensor.shape, tensor.type)
    """

    def __init__(self, path: Path, *, follow_split: bool = True) -> None:
        """Maps and checks a file.

        Args:
            path: the file.
            follow_split: open every part of a split model, given any of them.

        Raises:
            Error: it cannot be read (``"io"``), or is malformed: the code says how.
        """
        core = _core.gguf.File(os.fspath(path), follow_split)
        self._core: _core.gguf.File | None = core
        self._metadata = Metadata(core)
        self._tensors = {row[0]: Tensor(core, index, row) for index, row in enumerate(core.tensors())}

    def _file(self) -> _core.gguf.File:
        if self._core is None:
            raise Error("invalid_argument", "the file is closed; open it again with linnet.gguf.open(path)")
        return self._core

    @property
    def metadata(self) -> Metadata:
        """Its keys and values."""
        self._file()
        return self._metadata

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Its tensors by name, in the file's order."""
        self._file()
        return self._tensors

    @property
    def version(self) -> int:
        """2 or 3."""
        return self._file().version

    @property
    def alignment(self) -> int:
        """Of the tensors' data, in bytes."""
        return self._file().alignment

    @property
    def size(self) -> int:
        """Bytes of all its parts together."""
        return self._file().size

    @property
    def paths(self) -> list[pathlib.Path]:
        """Its parts."""
        return self._file().paths()

    @property
    def warnings(self) -> list[str]:
        """What is odd but harmless, a line each."""
        return self._file().warnings()

    def close(self) -> None:
        """Lets go of the file; it is unmapped when the last view of a tensor is gone."""
        self._core = None
        self._tensors = {}
        del self._metadata

    def __enter__(self) -> File:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the file."""
        if self._core is not None:
            self.close()


def open(path: Path, *, follow_split: bool = True) -> File:
    """Opens a GGUF file: see :class:`File`."""
    return File(path, follow_split=follow_split)


class Writer:
    """Writes a GGUF file in one stream, whole or not at all.

    Example:
        >>> writer = linnet.gguf.Writer({"general.architecture": "llama"})
        >>> writer.add_tensor("token_embd.weight", array, type="q8_0")
        >>> writer.write("model.gguf")
    """

    def __init__(self, metadata: Mapping[str, Any] | None = None) -> None:
        """Begins a file with these keys; a :class:`Metadata` of an open file keeps its types."""
        self._core = _core.gguf.Writer()
        self._supplies: dict[str, Callable[[], Iterable[npt.NDArray[Any]]]] = {}
        for key, value in (metadata or {}).items():
            self.set(key, value, type=metadata.type(key) if isinstance(metadata, Metadata) else None)

    def set(self, key: str, value: Any, *, type: str | None = None) -> None:
        """Gives a key a value.

        Args:
            key: printable ASCII without spaces.
            value: bool, int, float, str, a NumPy number, or a sequence or array of one of them.
            type: ``"u8"`` ... ``"i64"``, ``"f32"``, ``"f64"``, ``"bool"``, ``"string"``, or ``"array of"``
                one of them. None: NumPy's type where the value has one; else u32 for an int that fits (i32
                where it is negative, 64 bits where it is large), f32 for a float.
        """
        self._core.set(key, value, _value_type(value) if type is None else type)

    def add_tensor(
        self,
        name: str,
        data: Data,
        *,
        type: str | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        """Adds a tensor.

        Args:
            name: at most 64 bytes.
            data: an array, which is not copied before :meth:`write`; or a function without arguments that
                returns the data in pieces while the file is written, so that no whole tensor need be in
                memory. float32 is quantized to ``type``; all else is the tensor's bytes as ``type`` has them.
            type: a name of :func:`linnet.quant.types`. None: that of the array.
            shape: rows first. None: that of the array of float32 (or of the type that the array has).
        """
        if callable(data):
            if type is None or shape is None:
                raise Error("invalid_argument", f"tensor {name!r}: data in pieces need a type and a shape")
            supply = data
        else:
            array = np.asarray(data)
            if type is None:
                type = _GGUF_TYPES.get(array.dtype.name)
            if type is None:
                raise Error("invalid_argument", f"tensor {name!r}: GGUF has no type for {array.dtype}; give one")
            shape = _shape_of(name, array, type) if shape is None else shape

            def supply() -> Iterable[npt.NDArray[Any]]:
                return [array]

        self._core.add_tensor(name, type, list(shape))
        self._supplies[name] = lambda: (_bytes_of(piece, type) for piece in supply())

    @property
    def file_size(self) -> int:
        """Bytes that the file will have."""
        return self._core.file_size

    def write(self, path: Path) -> None:
        """Writes PATH.part, then renames it. Whatever goes wrong, PATH is as it was and PATH.part is gone."""
        self._core.write(os.fspath(path), lambda name: self._supplies[name]())


def _value_type(value: Any) -> str:
    """The type in the file of a value that comes without one."""
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "iufb":
        kind = "bool" if value.dtype.kind == "b" else f"{value.dtype.kind}{8 * value.dtype.itemsize}"
        return f"array of {kind}" if value.ndim else kind
    if isinstance(value, (str, bytes)):
        return "string"
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, int):
        if value < 0:
            return "i32" if value >= -(2**31) else "i64"
        return "u32" if value < 2**32 else "u64"
    if isinstance(value, float):
        return "f32"
    if isinstance(value, Sequence) and len(value) > 0:
        types = {_value_type(item) for item in value}
        if len(types) == 1:
            return f"array of {types.pop()}"
        if types <= {"u32", "i32"}:
            return "array of i32"
        if types <= {"u32", "i32", "u64", "i64"}:
            return "array of i64"
    raise Error(
        "invalid_argument",
        f"metadata: cannot tell the type of a {type(value).__name__}; give one, such as 'array of i32'",
    )


def _shape_of(name: str, array: npt.NDArray[Any], type: str) -> Sequence[int]:
    """The shape of a tensor that an array holds as values, or as blocks of a type."""
    block = quant.info(type)
    if array.dtype == np.uint8 and array.ndim > 0:
        rows, rest = divmod(array.shape[-1], block.block_bytes)
        if rest:
            raise Error(
                "invalid_argument",
                f"tensor {name!r}: expected rows of whole blocks of {block.block_bytes} bytes, found {array.shape[-1]}",
            )
        return [*array.shape[:-1], rows * block.block_length]
    return list(array.shape)


def _bytes_of(piece: npt.NDArray[Any], type: str) -> ByteArray:
    """The bytes of a part of a tensor."""
    array = np.ascontiguousarray(piece)
    if array.dtype == np.float32 and type.upper() != "F32":
        array = quant.quantize(array, type)
    return array.reshape(-1).view(np.uint8)
