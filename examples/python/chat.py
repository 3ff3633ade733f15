"""A conversation by the model's own chat template: a line in, an answer out, streamed.

Usage: chat.py MODEL.gguf

One session holds the whole talk. The template writes the conversation anew at each turn; the session goes back to what
the new text has in common with the old, so that only what is new is computed.
"""

from __future__ import annotations

import sys

import linnet


def common_length(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    for i, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return i
    return min(len(one), len(other))


def answer(session: linnet.Session, messages: list[dict[str, str]]) -> str:
    """Streams the model's answer to the messages, and returns it."""
    prompt = session.model.encode_chat(messages)
    shared = min(common_length(session.tokens, prompt), len(prompt) - 1)
    session.truncate(shared)
    text = ""
    for piece in session.generate(prompt[shared:], temperature=0.0):
        print(piece, end="", flush=True)
        text += piece
    print()
    return text


def main() -> None:
    """Answers each line of the standard input."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    session = linnet.Session(linnet.Model(sys.argv[1]))
    messages: list[dict[str, str]] = []
    for line in sys.stdin:
        messages.append({"role": "user", "content": line.strip()})
        messages.append({"role": "assistant", "content": answer(session, messages)})


if __name__ == "__main__":
    main()
