# sentence_piece_file.py - writes a tokenizer.model of given pieces, as the package sentencepiece reads it.

import struct
from pathlib import Path

BPE = 2


def write_sentence_piece(path: Path, pieces: list[tuple[str, float, int]], add_space_prefix: bool = True) -> None:
    """pieces: text, score and kind of each token. Source of the field numbers: sentencepiece_model.proto."""
    data = b"".join(chunk(1, chunk(1, text.encode()) + single(2, score) + number(3, kind)) for text, score, kind in pieces)
    ids = {"<unk>": 40, "<s>": 41, "</s>": 42}
    texts = [piece[0] for piece in pieces]
    roles = b"".join(number(field, texts.index(text)) for text, field in ids.items() if text in texts)
    data += chunk(2, number(3, BPE) + number(35, 1) + roles)
    data += chunk(3, chunk(1, b"identity") + number(3, int(add_space_prefix)) + number(4, 0) + number(5, 1))
    path.write_bytes(data)


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def single(field: int, value: float) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<f", value)


def chunk(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data
