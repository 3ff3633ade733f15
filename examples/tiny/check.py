# check.py - measures GGUF files with Transformers: matches, perplexity, stories; it never trains.

import argparse
import json
import math
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch

from corpus import Encoder
from loading import load

HERE = Path(__file__).parent
BATCH = 50


@torch.no_grad()
def greedy(model, prompts, new_tokens, stops, pad):
    """The most likely continuation of each list of ids, up to the first of `stops` (not included)."""
    width = max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    seen = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    out = model.generate(input_ids=ids, attention_mask=seen, max_new_tokens=new_tokens, do_sample=False,
                         num_beams=1,
                         eos_token_id=stops, pad_token_id=pad)
    replies = [row[width:].tolist() for row in out]
    return [reply[:min((reply.index(s) for s in stops if s in reply),
                       default=len(reply))] for reply in replies]


def exact_matches(model, encoder, commands, show=5):
    """The share of commands whose reply is the expected JSON, character for character."""
    wrong = []
    for first in range(0, len(commands), BATCH):
        part = commands[first:first + BATCH]
        prompts = [[encoder.bos] + encoder.prompt(c["text"]) for c in part]
        replies = greedy(model, prompts, 80, [encoder.eot, encoder.eos], encoder.eos)
        for command, reply in zip(part, replies):
            if encoder.vocabulary.decode(reply) != command["json"]:
                wrong.append((command["text"], encoder.vocabulary.decode(reply)))
    for text, reply in wrong[:show]:
        print(f"    wrong: {text!r} -> {reply}")
    return 1 - len(wrong) / len(commands)


@torch.no_grad()
def perplexity(model, encoder, stories):
    """Per token, over every token after BOS, the end of the story included; each story on its own."""
    loss, count = 0.0, 0
    for story in stories:
        ids = torch.tensor([encoder.story(story)[0]])
        logits = model(input_ids=ids).logits[0, :-1]
        loss += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    return math.exp(loss / count), math.exp(loss / sum(len(s.split()) for s in stories))


def tell(model, encoder, opening, new_tokens=250):
    prompt = [encoder.bos] + encoder.vocabulary.encode(opening)
    story = greedy(model, [prompt], new_tokens, [encoder.eos, encoder.eot], encoder.eos)[0]
    return encoder.vocabulary.decode(prompt + story).strip()


def expected(model, encoder):
    """Ids for a cross-check of another engine: two prompts, and 40 greedy tokens after each."""
    vocabulary = encoder.vocabulary
    chat = encoder.family.turn.format(text="dim the kitchen lights to 30 percent")
    result = {}
    for name, prompt in [("story", "Once upon a time"), ("chat", chat)]:
        ids = [encoder.bos] + vocabulary.encode(prompt)
        new = model.generate(input_ids=torch.tensor([ids]),
                             attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
                             max_new_tokens=40, do_sample=False, eos_token_id=[encoder.eot, encoder.eos],
                             pad_token_id=encoder.eos)[0, len(ids):].tolist()
        result[name] = dict(prompt=prompt, prompt_ids=ids, greedy_ids=new, greedy_text=vocabulary.decode(new))
    return result


def main():
    parser = argparse.ArgumentParser(description="Check tiny models.")
    parser.add_argument("files", nargs="*", default=sorted(map(str, (HERE / "models").glob("*.gguf"))))
    parser.add_argument("--expected", help="a folder to write token ids to, one JSON file for each model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    commands = [json.loads(line) for line in (HERE / "heldout/commands.jsonl").read_text().splitlines()]
    stories = (HERE / "heldout/stories.txt").read_text().splitlines()
    for path in arguments.files:
        family, vocabulary, model = load(path)
        encoder = Encoder(family, vocabulary, None)
        print(f"{path}: {os.path.getsize(path)} bytes")
        print(f"  exact matches: {100 * exact_matches(model, encoder, commands):.1f} % of {len(commands)}")
        print("  perplexity: %.3f per token, %.3f per word" % perplexity(model, encoder, stories), flush=True)
        for opening in ("Once upon a time", "One morning, a small fox named Pip"):
            print("  " + tell(model, encoder, opening), flush=True)
        if arguments.expected:
            Path(arguments.expected).mkdir(parents=True, exist_ok=True)
            (Path(arguments.expected) / f"{family.name}.json").write_text(json.dumps(expected(model, encoder),
                                                                                     indent=1))


if __name__ == "__main__":
    main()
