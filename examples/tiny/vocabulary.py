# vocabulary.py - trains, encodes and decodes the vocabularies of the tiny models; it never reads a GGUF file.
"""`SentencePiece` and `ByteLevelBpe` hold what a GGUF file holds (tokens, scores or merges, token types) and
nothing else, so that the training and a check of the written file encode with the same few lines."""

import io
import json
import re

import sentencepiece
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
SPACE = "\u2581"
LLAMA_BPE = (r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
             r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


class Vocabulary:
    def __init__(self, tokens, types):
        self.tokens, self.types = tokens, types
        self.ids = {token: i for i, token in enumerate(tokens)}
        control = [t for t, kind in zip(tokens, types) if kind == CONTROL]
        self.special = re.compile("(" + "|".join(re.escape(t) for t in control) + ")")

    def encode(self, text):
        """Token ids of a text, in which the name of a control token stands for it; no BOS is added."""
        ids = []
        for part in self.special.split(text):
            if part in self.ids and self.types[self.ids[part]] == CONTROL:
                ids.append(self.ids[part])
            elif part:
                ids += self.encode_plain(part)
        return ids

    def decode(self, ids):
        """The text of the tokens, without control tokens."""
        return self.decode_plain([i for i in ids if self.types[i] != CONTROL])


class SentencePiece(Vocabulary):
    """Merges of the best score first, and bytes for characters that are not in the vocabulary."""

    def __init__(self, tokens, types, scores, add_space_prefix):
        super().__init__(tokens, types)
        self.scores, self.add_space_prefix = scores, add_space_prefix
        self.words = {}

    @classmethod
    def train(cls, lines, size, first, last, add_space_prefix):
        """`first` and `last` are the (token, type) pairs before the bytes and after the pieces."""
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(line for line in lines if line.strip()), model_writer=model,
            model_type="bpe", byte_fallback=True, character_coverage=1.0,
            vocab_size=size - len(first) - len(last) + 3, normalization_rule_name="identity",
            split_digits=True,
            add_dummy_prefix=add_space_prefix, remove_extra_whitespaces=False, num_threads=1, minloglevel=2)
        pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        learnt = [i for i in range(len(pieces)) if not pieces.is_control(i) and not pieces.is_unknown(i)]
        tokens = [t for t, _ in first] + [pieces.id_to_piece(i) for i in learnt] + [t for t, _ in last]
        types = [k for _, k in first] + [BYTE if pieces.is_byte(i) else NORMAL for i in learnt] + [k for _,
                                                                                                   k in last]
        scores = [0.0] * len(first) + [pieces.get_score(i) for i in learnt] + [0.0] * len(last)
        vocabulary = cls(tokens, types, scores, add_space_prefix)
        for line in lines[:500]:  # our few lines of encoding must agree with the package
            theirs = [pieces.id_to_piece(i) for i in pieces.encode(line)]
            assert [tokens[i] for i in vocabulary.encode(line)] == theirs, line
        return vocabulary

    def encode_plain(self, text):
        return self.encode_without_prefix(" " * self.add_space_prefix + text)

    def encode_without_prefix(self, text):
        # No piece holds a space after its first character: words can be encoded one by one, and remembered.
        words = re.findall(SPACE + "?[^" + SPACE + "]+|" + SPACE, text.replace(" ", SPACE))
        for word in words:
            if word not in self.words:
                self.words[word] = self.encode_word(word)
        return [i for word in words for i in self.words[word]]

    def encode_word(self, word):
        parts = list(word)
        while True:
            pairs = [(self.scores[self.ids[a + b]], -i) for i,
                     (a, b) in enumerate(zip(parts, parts[1:])) if a + b in self.ids]
            if not pairs:
                break
            i = -max(pairs)[1]
            parts[i:i + 2] = [parts[i] + parts[i + 1]]
        return [i for part in parts for i in self.encode_part(part)]

    def encode_part(self, part):
        if part in self.ids:
            return [self.ids[part]]
        return [self.ids[f"<0x{byte:02X}>"] for byte in part.encode()]

    def decode_plain(self, ids):
        data = b"".join(bytes([int(self.tokens[i][3:5],
                                   16)]) if self.types[i] == BYTE else self.tokens[i].replace(SPACE,
                                                                                              " ").encode()
                        for i in ids)
        return data.decode(errors="replace")


class ByteLevelBpe(Vocabulary):
    """Byte-level merges after the splits of Llama 3; whole words in the vocabulary need no merges."""

    def __init__(self, tokens, types, merges):
        super().__init__(tokens, types)
        self.merges = merges
        normal = {t: i for i, t in enumerate(tokens) if types[i] == NORMAL}
        pairs = [tuple(merge.split(" ")) for merge in merges]
        self.bpe = tokenizers.Tokenizer(models.BPE(vocab=normal, merges=pairs, ignore_merges=True))
        self.bpe.pre_tokenizer, self.bpe.decoder = self.splitter(), decoders.ByteLevel()

    @staticmethod
    def splitter():
        return pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(LLAMA_BPE), "isolated"),
                                        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])

    @classmethod
    def train(cls, lines, size, last):
        bpe = tokenizers.Tokenizer(models.BPE())
        bpe.pre_tokenizer = cls.splitter()
        bpe.train_from_iterator(lines, trainers.BpeTrainer(
            vocab_size=size - len(last), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False))
        state = json.loads(bpe.to_str())["model"]
        tokens = sorted(state["vocab"], key=state["vocab"].get)
        merges = [" ".join(pair) for pair in state["merges"]]
        return cls(tokens + [t for t, _ in last], [NORMAL] * len(tokens) + [k for _, k in last], merges)

    def encode_plain(self, text):
        return self.bpe.encode(text, add_special_tokens=False).ids

    encode_without_prefix = encode_plain

    def decode_plain(self, ids):
        return self.bpe.decode(ids)
