"""convert/vocabulary/byte_level.py - byte-level BPE vocabularies of tokenizer.json, and how they cut words.

GGUF names the way of cutting (tokenizer.ggml.pre), tokenizer.json spells it out: the name is found by the expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import fail
from .tokens import NORMAL, Vocabulary

# ruff: noqa: RUF001 - the expressions name characters that look like others
# The regular expressions of the families, split where they differ.
_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_OTHER_SPELLINGS = {
    "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])": _CONTRACTIONS,
    "\r": r"\r",
    "\n": r"\n",
}
_TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CASED_TAIL = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_PREFIX = r"[^\r\n\p{L}\p{N}]?"
LLAMA3 = rf"{_CONTRACTIONS}|{_PREFIX}\p{{L}}+|\p{{N}}{{1,3}}|{_TAIL}"
QWEN2 = rf"{_CONTRACTIONS}|{_PREFIX}\p{{L}}+|\p{{N}}|{_TAIL}"
GPT4O = (
    rf"{_PREFIX}{_UPPER}*{_LOWER}+{_CONTRACTIONS}?|{_PREFIX}{_UPPER}+{_LOWER}*{_CONTRACTIONS}?|"
    rf"\p{{N}}{{1,3}}|{_CASED_TAIL}"
)
TEKKEN = rf"{_PREFIX}{_UPPER}*{_LOWER}+|{_PREFIX}{_UPPER}+{_LOWER}*|\p{{N}}|{_CASED_TAIL}"
SEED_CODER = rf"{_CONTRACTIONS}|{_PREFIX}\p{{L}}+|\p{{N}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
DIGIT, DIGITS = r"\p{N}", r"\p{N}+"  # what the step "Digits" cuts
PUNCTUATION = r"\p{P}+, ASCII's symbols included"  # and the step "Punctuation"; this one is no expression
_DEEPSEEK_HAN = "[一-龥ࠀ-一가-퟿]+"
_DEEPSEEK_LETTERS = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ"
    "Ὗ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-"
    "Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)
DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"
    r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The names, by the expressions that cut one after the other.
BY_EXPRESSIONS = {
    (LLAMA3,): "llama-bpe",
    (QWEN2,): "qwen2",
    (GPT4O,): "gpt-4o",
    (TEKKEN,): "tekken",
    (GPT2,): "gpt-2",
    (DIGIT, GPT2): "smollm",
    (SEED_CODER,): "seed-coder",
    (BLOOM,): "bloom",
    (BLOOM, DIGIT): "viking",
    (PUNCTUATION, GPT2, DIGITS, "[0-9][0-9][0-9]"): "falcon",
    (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3): "deepseek-v3",
    (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _DEEPSEEK_HAN, DIGIT): "deepseek-coder",
    (
        r"[\r\n]",
        rf"\s?[{_DEEPSEEK_LETTERS}]+",
        r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
        r"\s+$",
        _DEEPSEEK_HAN,
        DIGIT,
    ): "deepseek-llm",
}

# The names whose readers take a word that is a token without merging it.
TAKES_WHOLE_WORDS = {"llama-bpe": True, "tekken": True}
KNOWN = "the expressions of GPT-2, Llama 3, Qwen 2, GPT-4o, Tekken, StarCoder, DeepSeek, Seed-Coder, BLOOM and Falcon"


def steps(node: Any) -> Iterator[Mapping[str, Any]]:
    """A pre-tokenizer's steps, nested sequences flattened."""
    if isinstance(node, dict):
        if node.get("type") == "Sequence":
            for child in node.get("pretokenizers") or node.get("normalizers") or []:
                yield from steps(child)
        else:
            yield node


def is_byte_level(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a tokenizer.json's BPE works on bytes written as characters."""
    return (tokenizer.get("model") or {}).get("type") == "BPE" and any(
        step.get("type") == "ByteLevel" for step in steps(tokenizer.get("pre_tokenizer"))
    )


def find_pre_tokenizer(tokenizer: Mapping[str, Any], source: str) -> str:
    """The name for tokenizer.ggml.pre. Refuses an expression that linnet has no name for."""
    expressions: list[str] = []
    for step in steps(tokenizer.get("pre_tokenizer")):
        kind = step.get("type")
        if kind == "Split":
            pattern = step.get("pattern") or {}
            expression = pattern.get("Regex", pattern.get("String", ""))
            for other, ours in _OTHER_SPELLINGS.items():
                expression = expression.replace(other, ours)
            expressions.append(expression)
        elif kind == "ByteLevel":
            if step.get("add_prefix_space"):
                fail(
                    "unsupported", f"{source}: a space is put before the text, which byte-level BPE in GGUF cannot say"
                )
            if step.get("use_regex", True):
                expressions.append(GPT2)
        elif kind == "Digits":
            expressions.append(DIGIT if step.get("individual_digits") else DIGITS)
        elif kind == "Punctuation" and step.get("behavior") == "Contiguous":
            expressions.append(PUNCTUATION)
        else:
            fail("unsupported", f"{source}: pre-tokenizer {kind!r}; linnet knows {KNOWN}")
    name = BY_EXPRESSIONS.get(tuple(expressions))
    if name is None:
        fail("unsupported", f"{source}: words are cut by {expressions}; linnet knows {KNOWN}")
    return by_merging(name, bool((tokenizer.get("model") or {}).get("ignore_merges")), source)


def by_merging(name: str, takes_whole_words: bool, source: str) -> str:
    """The name that also says whether a word that is a token is merged."""
    if takes_whole_words == TAKES_WHOLE_WORDS.get(name, False):
        return name
    if name == "llama-bpe":
        return "dbrx"  # Llama 3's expression, every word merged
    fail(
        "unsupported",
        f'{source}: "ignore_merges" is {str(takes_whole_words).lower()}, which linnet does not know for {name!r}',
    )


def by_normalizing(name: str, tokenizer: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The name that also says whether text is put in normal form C first, and what linnet does otherwise."""
    kinds = [step.get("type") for step in steps(tokenizer.get("normalizer"))]
    if name == "qwen2" and kinds == []:
        return "deepseek-r1-qwen", []  # Qwen 2's expression, text taken as it is
    if kinds == (["NFC"] if name == "qwen2" else []):
        return name, []
    return name, [f"tokenizer.json: normalization {', '.join(map(str, kinds))} is left out; pass normalized text"]


def from_json(tokenizer: Mapping[str, Any], merges: list[tuple[str, str]], source: str) -> tuple[Vocabulary, list[str]]:
    """The vocabulary of a tokenizer.json, and what linnet does otherwise."""
    name, notes = by_normalizing(find_pre_tokenizer(tokenizer, source), tokenizer)
    vocabulary = Vocabulary("gpt2", name, [], [])
    texts: Mapping[str, int] = tokenizer["model"]["vocab"]
    vocabulary._grow(max(texts.values(), default=-1) + 1)
    for text, id in texts.items():
        vocabulary.texts[id] = text
        vocabulary.kinds[id] = NORMAL
    vocabulary.merges = [f"{left} {right}" for left, right in merges]
    return vocabulary, notes
