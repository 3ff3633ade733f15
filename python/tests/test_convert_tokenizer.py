"""Tokenizers of folders become GGUF keys: tokens, kinds, scores, merges, special ids, templates."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from convert_support import byte_level_tokenizer, write_json
from linnet.convert import Error
from linnet.convert.vocabulary import byte_level, tokenizer_keys

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def keys_of(folder: Path, size: int = 20, model: dict[str, Any] | None = None) -> dict[str, Any]:
    keys, _ = tokenizer_keys(folder, size, model or {}, "llama")
    return {key.removeprefix("tokenizer.ggml."): value for key, value in keys.items()}


def write_tokenizer(folder: Path, tokenizer: dict[str, Any], **settings: Any) -> Path:
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", settings)
    return folder


def chunk(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2, len(data)]) + data


def piece(text: str, score: float, kind: int = NORMAL) -> bytes:
    return chunk(1, chunk(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([3 << 3, kind]))


def sentence_piece_model(model_type: int = 2, add_space_prefix: int = 1) -> bytes:
    pieces = piece("<unk>", 0, UNKNOWN) + piece("<s>", 0, CONTROL) + piece("</s>", 0, CONTROL)
    pieces += piece("<0x0A>", 0, BYTE) + piece("▁a", -1.5) + piece("a", -2.5)
    trainer = chunk(2, bytes([3 << 3, model_type]))
    return pieces + trainer + chunk(3, bytes([3 << 3, add_space_prefix, 4 << 3, 0]))


def test_sentence_piece_model(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentence_piece_model())
    keys = keys_of(tmp_path, 8)
    assert keys["model"] == "llama"
    assert keys["tokens"] == ["<unk>", "<s>", "</s>", "<0x0A>", "▁a", "a", "[PAD6]", "[PAD7]"]
    assert keys["token_type"].tolist() == [UNKNOWN, CONTROL, CONTROL, BYTE, NORMAL, NORMAL, UNUSED, UNUSED]
    assert keys["scores"].tolist()[4:6] == [-1.5, -2.5]
    assert (keys["unknown_token_id"], keys["bos_token_id"], keys["eos_token_id"]) == (0, 1, 2)
    assert keys["add_space_prefix"] is True
    assert keys["add_bos_token"] is True and keys["add_eos_token"] is False


def test_sentence_piece_without_the_space(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentence_piece_model(add_space_prefix=0))
    assert keys_of(tmp_path)["add_space_prefix"] is False


def test_sentence_piece_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentence_piece_model(model_type=1))
    with pytest.raises(Error, match="BPE") as caught:
        keys_of(tmp_path)
    assert caught.value.code == "unsupported"


def test_every_truncation_of_a_sentence_piece_model(tmp_path: Path) -> None:
    data = sentence_piece_model()
    for length in range(len(data)):
        (tmp_path / "tokenizer.model").write_bytes(data[:length])
        try:
            keys_of(tmp_path)
        except Error as error:
            assert error.code in ("bad_model", "unsupported")


def test_tokens_are_added_to_a_sentence_piece_model(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(sentence_piece_model())
    decoder = {"2": {"content": "</s>", "special": False}, "6": {"content": "<|end|>", "special": True}}
    write_json(
        tmp_path / "tokenizer_config.json", {"added_tokens_decoder": decoder, "eos_token": {"content": "<|end|>"}}
    )
    write_json(tmp_path / "added_tokens.json", {"<tool>": 7})
    keys = keys_of(tmp_path, 8)
    assert keys["tokens"][6:] == ["<|end|>", "<tool>"]
    assert keys["token_type"].tolist()[2:3] == [CONTROL]
    assert keys["token_type"].tolist()[6:] == [CONTROL, USER_DEFINED]
    assert keys["eos_token_id"] == 6


def metaspace_tokenizer(**normalizer: Any) -> dict[str, Any]:
    vocab = {"<unk>": 0, "<0x41>": 1, "a": 2, "b": 3, "ab": 4, "▁": 5, "▁ab": 6}
    return {
        "model": {
            "type": "BPE",
            "byte_fallback": True,
            "unk_token": "<unk>",
            "vocab": vocab,
            "merges": ["a b", ["▁", "ab"]],
        },
        "normalizer": {"type": "Sequence", "normalizers": [normalizer]} if normalizer else None,
        "added_tokens": [{"id": 7, "content": "<|end|>", "special": False}],
    }


def test_sentence_piece_of_json(tmp_path: Path) -> None:
    keys = keys_of(write_tokenizer(tmp_path, metaspace_tokenizer(type="Prepend", prepend="▁")), 8)
    assert keys["model"] == "llama"
    assert keys["token_type"].tolist() == [UNKNOWN, BYTE, *[NORMAL] * 5, CONTROL]
    assert keys["scores"][4] > keys["scores"][6] > keys["scores"][2]  # merges in their order, letters never
    assert keys["add_space_prefix"] is True
    assert keys_of(write_tokenizer(tmp_path, metaspace_tokenizer()), 8)["add_space_prefix"] is False


def cutting_steps(expressions: tuple[str, ...]) -> list[dict[str, Any]]:
    """The steps that makers write for them, line ends as they are."""
    kinds: dict[str, dict[str, Any]] = {
        byte_level.GPT2: {**LEVEL, "use_regex": True},
        byte_level.PUNCTUATION: {"type": "Punctuation", "behavior": "Contiguous"},
        byte_level.DIGIT: {"type": "Digits", "individual_digits": True},
        byte_level.DIGITS: {"type": "Digits", "individual_digits": False},
    }
    plain = [e.replace(r"\r", "\r").replace(r"\n", "\n") for e in expressions]
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    return [kinds.get(e, {**split, "pattern": {"Regex": e}}) for e in plain]


@pytest.mark.parametrize(
    ("expressions", "name"), [(e, n) for e, n in byte_level.BY_EXPRESSIONS.items() if n != "llama-bpe"]
)
def test_ways_of_cutting_are_found(tmp_path: Path, expressions: tuple[str, ...], name: str) -> None:
    tokenizer = byte_level_tokenizer(20, ignore_merges=name == "tekken")
    levels = [] if byte_level.GPT2 in expressions else [LEVEL]
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*cutting_steps(expressions), *levels]}
    tokenizer["normalizer"] = {"type": "NFC"} if name == "qwen2" else None
    assert keys_of(write_tokenizer(tmp_path, tokenizer))["pre"] == name


def test_what_else_tells_the_names_apart(tmp_path: Path) -> None:
    def name(*expressions: str, **model: Any) -> str:
        tokenizer = byte_level_tokenizer(20, **model)
        tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*cutting_steps(expressions), LEVEL]}
        return str(keys_of(write_tokenizer(tmp_path, tokenizer))["pre"])

    assert name(byte_level.LLAMA3, ignore_merges=True) == "llama-bpe"
    assert name(byte_level.LLAMA3) == "dbrx"
    assert name(byte_level.QWEN2) == "deepseek-r1-qwen"
    assert keys_of(write_tokenizer(tmp_path, byte_level_tokenizer(20)))["pre"] == "gpt-2"
    with pytest.raises(Error, match="ignore_merges"):
        name(byte_level.GPT4O, ignore_merges=True)
    # The order matters: digits after GPT-2's expression are those of bytes.
    for unknown in ((byte_level.GPT2, byte_level.DIGIT), (byte_level.DIGITS, byte_level.GPT2), ()):
        with pytest.raises(Error, match="words are cut by"):
            name(*unknown)


def test_byte_level_tokens(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer(20)
    tokenizer["model"]["merges"] = ["! !", ['"', "#"]]
    tokenizer["added_tokens"] = [
        {"id": 20, "content": "<|eot_id|>", "special": True},
        {"id": 21, "content": "<tool>", "special": False},
        {"id": 22, "content": "<|fim_prefix|>", "special": False},
    ]
    write_json(tmp_path / "generation_config.json", {"eos_token_id": [19, 20]})
    keys = keys_of(write_tokenizer(tmp_path, tokenizer, eos_token="4"), 24)
    assert keys["model"] == "gpt2" and "scores" not in keys
    assert keys["merges"] == ["! !", '" #']
    assert keys["token_type"].tolist()[19:] == [CONTROL, CONTROL, USER_DEFINED, CONTROL, UNUSED]
    assert (keys["eos_token_id"], keys["eot_token_id"], keys["fim_pre_token_id"]) == (19, 20, 22)
    assert keys["add_bos_token"] is False


def test_the_post_processor_says_whether_bos_is_added(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer(20)
    tokenizer["added_tokens"] = [{"id": 20, "content": "<s>", "special": True}]
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]}
    tokenizer["post_processor"] = {"type": "Sequence", "processors": [{"type": "ByteLevel"}, template]}
    keys = keys_of(write_tokenizer(tmp_path, tokenizer), 21)
    assert keys["add_bos_token"] is True and keys["bos_token_id"] == 20 and keys["add_eos_token"] is False
    assert keys_of(write_tokenizer(tmp_path, tokenizer, add_bos_token=False), 21)["add_bos_token"] is False


def test_special_ids_of_config_json(tmp_path: Path) -> None:
    keys = keys_of(write_tokenizer(tmp_path, byte_level_tokenizer(20)), 20, {"bos_token_id": 3, "eos_token_id": [4, 5]})
    assert (keys["bos_token_id"], keys["eos_token_id"], keys["eot_token_id"]) == (3, 4, 5)
    keys = keys_of(tmp_path, 20, {"bos_token_id": 99, "eos_token_id": None})
    assert "bos_token_id" not in keys and "eos_token_id" not in keys


def test_chat_templates(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, byte_level_tokenizer(20), chat_template="hello")
    assert keys_of(tmp_path)["tokenizer.chat_template"] == "hello"
    named = [{"name": "default", "template": "one"}, {"name": "Tool-Use", "template": "two"}]
    write_tokenizer(tmp_path, byte_level_tokenizer(20), chat_template=named)
    keys = keys_of(tmp_path)
    assert keys["tokenizer.chat_template"] == "one" and keys["tokenizer.chat_template.tool_use"] == "two"
    (tmp_path / "chat_template.jinja").write_text("from a file", encoding="utf-8")
    assert keys_of(tmp_path)["tokenizer.chat_template"] == "from a file"


def test_equal_texts_stay_apart(tmp_path: Path) -> None:
    tokenizer = byte_level_tokenizer(20)
    tokenizer["added_tokens"] = [{"id": 20, "content": "!", "special": False}]
    tokens = keys_of(write_tokenizer(tmp_path, tokenizer), 21)["tokens"]
    assert len(set(tokens)) == 21 and tokens[0] == "!"
