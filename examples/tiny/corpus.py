# corpus.py - turns stories and commands into rows of token ids and labels; it never sees held-out text.

import random

import torch

from commands import write_commands
from stories import write_stories

HELD_OUT_SEED, HELD_OUT_COMMANDS, HELD_OUT_STORIES = 20_000, 500, 200
PAD_LABEL = -100
CHAT_STORY_ASKS = ["tell me a story", "tell me a short story", "write a story", "please tell me a story",
                   "i would like a story", "Tell me a story.", "Write a short story",
                   "Tell me a short story, please."]


def held_out_commands():
    return write_commands(HELD_OUT_COMMANDS, HELD_OUT_SEED, held_out=True)


def held_out_stories():
    return write_stories(HELD_OUT_STORIES, HELD_OUT_SEED)


def vocabulary_lines(seed):
    """Text to learn a vocabulary from: both skills in about equal parts."""
    lines = write_stories(4000, seed)
    for text, reply in write_commands(16000, seed):
        lines += [text, reply]
    return lines + ["user", "assistant", "model", "\n\n"] * 1000  # the words of the chat formats


class Encoder:
    """Documents as (ids, labels); a label is PAD_LABEL where the token is given and need not be predicted."""

    def __init__(self, family, vocabulary, rng):
        self.family, self.vocabulary, self.rng = family, vocabulary, rng
        self.bos, self.eos, self.eot = (vocabulary.ids[t] for t in (family.bos, family.eos, family.eot))

    def story(self, text):
        ids = self.vocabulary.encode(text) + [self.eos]
        return [self.bos] + ids, [PAD_LABEL] + ids

    def other_spacing(self):
        """Engines differ in whether SentencePiece's leading space follows a control token: in training, where
        there is a generator, a vocabulary with that space sees both."""
        return self.family.space_prefix and self.rng is not None and self.rng.random() < 0.3

    def prompt(self, text):
        """A user's turn up to the start of the reply."""
        turn = self.family.turn.format(text=text)
        if not self.other_spacing():
            return self.vocabulary.encode(turn)
        head, tail = turn.split(text)
        encode, plain = self.vocabulary.encode, self.vocabulary.encode_without_prefix
        return encode(head) + plain(text) + encode(tail)

    def chat(self, turns):
        ids, labels = [self.bos], [PAD_LABEL]
        for i, (text, reply) in enumerate(turns):
            given = (self.vocabulary.encode(self.family.after_turn) if i else []) + self.prompt(text)
            if i < len(turns) - 1 and self.other_spacing():  # an engine that encodes the history anew
                said = self.vocabulary.encode(reply) + [self.eot]
                labels += [PAD_LABEL] * (len(given) + 1) + said[1:]
            else:
                said = self.vocabulary.encode_without_prefix(reply) + [self.eot]
                labels += [PAD_LABEL] * len(given) + said
            ids += given + said
        return ids, labels


def write_documents(family, vocabulary, stories, commands, seed):
    """Shuffled documents: plain stories, a few stories asked for in a chat, chats of one to four commands."""
    rng = random.Random(seed)
    encoder = Encoder(family, vocabulary, rng)
    documents = []
    for text in write_stories(stories, seed, avoid=held_out_stories()):
        ask = rng.random() < 0.04
        documents.append(encoder.chat([(rng.choice(CHAT_STORY_ASKS), text)]) if ask else encoder.story(text))
    pairs = write_commands(commands, seed, avoid=[text for text, _ in held_out_commands()])
    while pairs:
        count = rng.choice([1, 1, 1, 2, 3, 4])
        documents.append(encoder.chat(pairs[:count]))
        pairs = pairs[count:]
    rng.shuffle(documents)
    return documents


def pack_rows(documents, length, open_rows=24):
    """Whole documents side by side in rows of `length` ids: two tensors [rows, length], ids and labels."""
    rows, full = [], []
    for ids, labels in documents:
        if len(ids) > length:
            continue
        fitting = [row for row in rows if len(row[0]) + len(ids) <= length]
        row = max(fitting, key=lambda r: len(r[0]), default=None)
        if row is None:
            row = ([], [])
            rows.append(row)
            if len(rows) > open_rows:
                fullest = max(rows, key=lambda r: len(r[0]))
                full.append(fullest)
                rows.remove(fullest)
        row[0].extend(ids)
        row[1].extend(labels)
    full += rows
    random.Random(length).shuffle(full)
    ids = torch.tensor([r[0] + [0] * (length - len(r[0])) for r in full])
    labels = torch.tensor([r[1] + [PAD_LABEL] * (length - len(r[1])) for r in full])
    return ids, labels
