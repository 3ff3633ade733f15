# tokenizer_conformance.py - random texts through linnet and through the packages that the vocabularies come from.
"""Real vocabularies lie beside the repository where they are present; others are trained here, one for each way of
cutting words, so that there is always something to compare."""

import json
import lzma
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import gguf
import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from uncompiled import ROOT
from linnet.convert.gguf_writer import write_gguf
from linnet.convert.vocabulary import byte_level, read_merges, sentence_piece, tokenizer_keys
from linnet.convert.vocabulary.tokens import BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, read_added_tokens
from random_texts import Texts
from sentence_piece_file import write_sentence_piece

REAL = ROOT.parent / "shared" / "data" / "tokenizers"
TRAINED_SIZE = 2000
SHARE_OF_BROKEN = 10  # one text in ten is no UTF-8
Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Subject:
    """A folder with a tokenizer, and what its own package makes of a text, without special tokens around it."""

    name: str
    folder: Path
    size: int
    oracle: str
    encode: Encode
    special: list[str]
    without: str = ""  # a character that texts for it do not hold


@dataclass(frozen=True)
class TokenizerRow:
    name: str
    size: int
    oracle: str
    texts: int
    ids: int
    different: int


def compare_tokenizers(program: Path, folder: Path, count: int) -> list[TokenizerRow]:
    rows = []
    for subject in [*real_subjects(folder), *trained_subjects(folder)]:
        rows.append(compare(program, folder, subject, count))
        print(f"{subject.name}: {rows[-1].different} of {count} texts differ", flush=True)
    return rows


def compare(program: Path, folder: Path, subject: Subject, count: int) -> TokenizerRow:
    keys, _ = tokenizer_keys(subject.folder, subject.size, {}, "llama")
    path = folder / f"{subject.name.replace(' ', '-')}.gguf"
    write_gguf(path, {"general.architecture": "llama", **keys}, [], lambda _: None)
    source = Texts(len(subject.name), subject.special)
    texts = [source.broken() if i % SHARE_OF_BROKEN == 0 else source.text() for i in range(count)]
    texts = [text.replace(subject.without, "") if isinstance(text, str) else text for text in texts]
    found = tokenize(program, path, texts)
    spell = Speller(keys)
    different = total = 0
    for text, ids in zip(texts, found):
        total += len(ids)
        same = spell.is_text(ids, text) if isinstance(text, bytes) else ids == subject.encode(text)
        if not same:
            different += 1
            if different <= 5:
                wanted = "bytes" if isinstance(text, bytes) else subject.encode(text)
                print(f"  {subject.name}: {text!r}: {ids} instead of {wanted}", file=sys.stderr)
    return TokenizerRow(subject.name, subject.size, subject.oracle, count, total, different)


def tokenize(program: Path, model: Path, texts: list[str | bytes]) -> list[list[int]]:
    lines = [json.dumps(list(text) if isinstance(text, bytes) else text) for text in texts]
    done = subprocess.run([str(program), "tokenize", "-m", str(model), "--json-lines", "--no-bos"], text=True,
                          input="\n".join(lines), capture_output=True)  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return [[int(id) for id in line.split()] for line in done.stdout.splitlines()]


class Speller:
    """The bytes of tokens, by the vocabulary alone."""

    def __init__(self, keys: dict[str, Any]) -> None:
        self.texts, self.kinds = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
        self.byte_level = keys["tokenizer.ggml.model"] == "gpt2"
        self.composes = keys["tokenizer.ggml.pre"] == "qwen2"
        printable = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        rest = [byte for byte in range(256) if byte not in printable]
        self.bytes = {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(rest)}

    def is_text(self, ids: list[int], text: bytes) -> bool:
        spelled = b"".join(self.piece(id) for id in ids)
        if self.composes:
            text = compose(text)
        if self.byte_level:
            return spelled == text
        # Spaces are put before texts, and some special tokens take those that follow.
        return without_spaces(spelled) == without_spaces(text)

    def piece(self, id: int) -> bytes:
        text, kind = self.texts[id], self.kinds[id]
        if kind == 6:
            return bytes([int(text[3:5], 16)])
        if self.byte_level and kind == 1:
            return bytes(self.bytes[c] for c in text)
        return text.replace("\u2581", " ").encode() if not self.byte_level else text.encode()


def compose(data: bytes) -> bytes:
    text = data.decode(errors="surrogateescape")
    return unicodedata.normalize("NFC", text).encode(errors="surrogateescape")


def without_spaces(data: bytes) -> str:
    return "".join(data.decode(errors="surrogateescape").replace("\u2581", " ").split())


def real_subjects(folder: Path) -> Iterator[Subject]:
    if not REAL.is_dir():
        print(f"skipped: real vocabularies, {REAL} is absent", flush=True)
        return
    yield from_json_object("Llama 3", folder, llama3_tokenizer())
    gemma = json.loads(lzma.open(REAL / "gemma2.tokenizer.json.xz").read())
    # With U+2581 the package does otherwise than SentencePiece, from which the vocabulary comes.
    yield from_json_object("Gemma 2", folder, gemma, without="\u2581")
    yield from_pieces("Gemma 2, plain text", folder, pieces_of_json(gemma), add_space_prefix=False)
    yield from_json_object("Qwen 2.5", folder, json.loads(lzma.open(REAL / "qwen2_5.tokenizer.json.xz").read()))
    yield from_json_object("GPT-2", folder, gpt2_tokenizer())
    pieces = read_pieces(REAL / "phi-3.gguf")
    yield from_json_object("Phi-3", folder, phi3_tokenizer(pieces))
    yield from_pieces("Phi-3, plain text", folder, original_pieces(pieces))


def from_json_object(name: str, folder: Path, tokenizer: dict[str, Any], without: str = "") -> Subject:
    home = folder / f"tokenizer {name}"
    home.mkdir()
    (home / "tokenizer.json").write_text(json.dumps(tokenizer))
    package = tokenizers.Tokenizer.from_file(str(home / "tokenizer.json"))
    special = [token["content"] for token in tokenizer.get("added_tokens", [])]
    encode = lambda text: package.encode(text, add_special_tokens=False).ids  # noqa: E731
    return Subject(name, home, package.get_vocab_size(), "tokenizers", encode, special, without)


def step_of(expression: str) -> dict[str, Any]:
    """As the makers write it where there is more than one way."""
    if expression == byte_level.GPT2:
        return byte_level_step(use_regex=True)
    if expression == byte_level.PUNCTUATION:
        return {"type": "Punctuation", "behavior": "Contiguous"}
    if expression in (byte_level.DIGIT, byte_level.DIGITS):
        return {"type": "Digits", "individual_digits": expression == byte_level.DIGIT}
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}


def byte_level_step(use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def byte_level_json(vocab: dict[str, int], merges: list[Any], name: str, **model: Any) -> dict[str, Any]:
    """A tokenizer.json that cuts words as `name` does."""
    expressions = next(e for e, known in byte_level.BY_EXPRESSIONS.items() if known == name)
    steps = [step_of(expression) for expression in expressions]
    if byte_level.GPT2 not in expressions:
        steps.append(byte_level_step(use_regex=False))
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {"type": "NFC"} if name == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": merges,
                  "ignore_merges": byte_level.TAKES_WHOLE_WORDS.get(name, False), **model},
    }  # fmt: skip


def llama3_tokenizer() -> dict[str, Any]:
    vocab = json.loads(lzma.open(REAL / "llama-bpe.encoder.json.xz").read())
    lines = lzma.open(REAL / "llama-bpe.vocab.bpe.xz", "rt", encoding="utf-8").read().splitlines()
    merges = [line for line in lines if line and not line.startswith("#version")]
    tokenizer = byte_level_json(vocab, merges, "llama-bpe")
    texts = ["<|begin_of_text|>", "<|end_of_text|>", *(f"<|reserved_{i}|>" for i in range(254))]
    tokenizer["added_tokens"] = [added_token(128000 + i, text) for i, text in enumerate(texts)]
    return tokenizer


def added_token(id: int, text: str) -> dict[str, Any]:
    return {"id": id, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": True}  # fmt: skip


def gpt2_tokenizer() -> dict[str, Any]:
    reader = gguf.GGUFReader(REAL / "gpt-2.gguf")
    texts = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = reader.fields["tokenizer.ggml.merges"].contents()
    return byte_level_json({text: id for id, text in enumerate(texts)}, merges, "gpt-2")


def read_pieces(path: Path) -> list[tuple[str, float, int]]:
    fields = gguf.GGUFReader(path).fields
    columns = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "scores", "token_type"))
    return list(zip(*columns))


def from_pieces(name: str, folder: Path, pieces: list[tuple[str, float, int]], add_space_prefix: bool = True) -> Subject:
    """A tokenizer.model of the pieces, for the package sentencepiece."""
    home = folder / f"tokenizer {name}"
    home.mkdir()
    write_sentence_piece(home / "tokenizer.model", pieces, add_space_prefix)
    return from_model(name, home)


def original_pieces(pieces: list[tuple[str, float, int]]) -> list[tuple[str, float, int]]:
    """Without what was added to them later, and with the first three as they were."""
    first = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    return first + [piece for piece in pieces[3:] if piece[2] in (NORMAL, BYTE)]


def pieces_of_json(tokenizer: dict[str, Any]) -> list[tuple[str, float, int]]:
    """The pieces that the converter makes of a tokenizer.json."""
    vocabulary, _ = sentence_piece.from_json(tokenizer, read_merges(tokenizer))
    vocabulary.add(read_added_tokens(tokenizer, {}, {}))
    assert vocabulary.scores is not None
    pieces = list(zip(vocabulary.texts, vocabulary.scores, vocabulary.kinds))
    # Gemma's file says "\t" where the original says <0x09>.
    return [("<0x09>", score, BYTE) if text == "\t" else (text, score, kind) for text, score, kind in pieces]


def phi3_tokenizer(pieces: list[tuple[str, float, int]]) -> dict[str, Any]:
    """As the makers' tokenizer.json: merges are all the ways to halve a piece, the pieces by score."""
    vocab = {text: id for id, (text, _, _) in enumerate(pieces) if not text.startswith("[PAD")}
    plain = sorted((piece for piece in pieces if piece[2] == NORMAL), key=lambda piece: -piece[1])
    merges = []
    for text, _, _ in plain:
        halves = [(text[:i], text[i:]) for i in range(1, len(text))]
        known = [pair for pair in halves if pair[0] in vocab and pair[1] in vocab]
        merges += sorted(known, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    added = [added_token(id, text) for text, id in vocab.items() if pieces[id][2] in (CONTROL, USER_DEFINED)]
    for token in added:
        token["rstrip"] = token["content"] not in ("<unk>", "<s>", "<|endoftext|>")
    spaces = [{"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": spaces}, "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "ByteFallback"},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": merges},
    }  # fmt: skip


def from_model(name: str, home: Path) -> Subject:
    package = sentencepiece.SentencePieceProcessor(model_file=str(home / "tokenizer.model"))
    return Subject(name, home, package.vocab_size(), "sentencepiece", package.encode, [])


def trained_subjects(folder: Path) -> Iterator[Subject]:
    source = Texts(7, [])
    stories = (ROOT / "examples/tiny/heldout/stories.txt").read_text().split("\n\n")
    corpus = [source.text() for _ in range(4000)] + stories
    for name in byte_level.BY_EXPRESSIONS.values():
        yield train_byte_level(name, folder, corpus)
    yield train_sentence_piece(folder, corpus[:600] + stories)


def train_byte_level(name: str, folder: Path, corpus: list[str]) -> Subject:
    package = tokenizers.Tokenizer.from_str(json.dumps(byte_level_json({}, [], name)))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    package.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=TRAINED_SIZE, initial_alphabet=alphabet, show_progress=False))
    assert isinstance(package.model, models.BPE)
    return from_json_object(f"trained, {name}", folder, json.loads(package.to_str()))


def train_sentence_piece(folder: Path, corpus: list[str]) -> Subject:
    home = folder / "tokenizer trained"
    home.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line for text in corpus for line in text.split("\n") if line and "\0" not in line),
        model_prefix=str(home / "tokenizer"), model_type="bpe", vocab_size=2 * TRAINED_SIZE, byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, minloglevel=2)  # fmt: skip
    return from_model("trained, SentencePiece", home)
