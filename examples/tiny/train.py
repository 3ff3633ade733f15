# train.py - trains one tiny model from generated text and writes it as GGUF; it never downloads anything.

import argparse
import math
import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch

from corpus import Encoder, PAD_LABEL, held_out_stories, pack_rows, vocabulary_lines, write_documents
from export import export
from families import CONTEXT, FAMILIES

ROW = 320          # tokens in a row of most of the training
LONG_SHARE = 0.1   # the last steps see rows as long as the context
WARM_UP = 60


def parse_arguments():
    parser = argparse.ArgumentParser(description="Train one tiny model from text that it generates.")
    parser.add_argument("--arch", required=True, choices=sorted(FAMILIES))
    parser.add_argument("--out", required=True, help="the GGUF file to write")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=2560, help="tokens in a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--across", action="store_true", help="let attention see earlier documents of a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250, help="steps between two writings of the file")
    return parser.parse_args()


def batches(family, vocabulary, arguments):
    """Yields (ids, labels), one batch a step, from documents that are written as they are needed."""
    long_from = int(arguments.steps * (1 - LONG_SHARE))
    made, seed = 0, arguments.seed
    while made < arguments.steps:
        seed += 1
        documents = write_documents(family, vocabulary, stories=2500, commands=9000, seed=seed)
        length = CONTEXT if made >= long_from else ROW
        ids, labels = pack_rows(documents, length)
        rows = max(1, arguments.batch // length)
        for first in range(0, len(ids) - rows + 1, rows):
            yield ids[first:first + rows], labels[first:first + rows]
            made += 1


def make_optimizers(model, rate, name):
    """Muon for the blocks' matrices and AdamW for the rest (embeddings, output, norms); or AdamW for all."""
    if name == "adamw":
        matrices, vectors = ([p for p in model.parameters() if p.ndim == n] for n in (2, 1))
        groups = [dict(params=matrices, weight_decay=0.05), dict(params=vectors, weight_decay=0.0)]
        return [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.97), fused=True)]
    blocks = [p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name]
    others = [p for name, p in model.named_parameters() if not (p.ndim == 2 and ".layers." in name)]
    return [torch.optim.Muon(blocks, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=rate, weight_decay=0.0, betas=(0.9, 0.97), fused=True)]


def rate_at(step, steps):
    """A short warm-up, then half a cosine down to a fiftieth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    part = min(1.0, (step - WARM_UP) / max(1, steps - WARM_UP))
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part))


def positions_of(ids, bos):
    """Positions from 0 in every document: Transformers then keeps attention within a document."""
    place = torch.arange(ids.shape[1]).expand_as(ids)
    return place - torch.where(ids == bos, place, 0).cummax(dim=1).values


def loss_of(model, ids, labels, positions):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(),
                                             ignore_index=PAD_LABEL)


@torch.no_grad()
def held_out_loss(model, family, vocabulary):
    encoder = Encoder(family, vocabulary, None)
    ids, labels = pack_rows([encoder.story(text) for text in held_out_stories()[:64]], ROW)
    return loss_of(model, ids, labels, positions_of(ids, encoder.bos)).item()


def train(family, vocabulary, arguments):
    torch.manual_seed(arguments.seed)
    model = family.make_model()
    optimizers = make_optimizers(model, arguments.rate, arguments.optimizer)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, arguments.steps))
                 for optimizer in optimizers]
    bos = vocabulary.ids[family.bos]
    start, running = time.time(), 0.0
    for step, (ids, labels) in enumerate(batches(family, vocabulary, arguments), 1):
        if step > arguments.steps:
            break
        loss = loss_of(model, ids, labels, None if arguments.across else positions_of(ids, bos))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for each in optimizers + schedules:
            each.step()
        model.zero_grad()
        running = loss.item() if step == 1 else 0.95 * running + 0.05 * loss.item()
        if step % 50 == 0:
            seconds = time.time() - start
            print(f"{family.name}: step {step}/{arguments.steps}, loss {running:.4f}, {seconds:.0f} s",
                  flush=True)
        if step % arguments.save_every == 0 or step == arguments.steps:
            print(f"{family.name}: held-out story loss {held_out_loss(model, family, vocabulary):.4f}",
                  flush=True)
            export(arguments.out, family, model, vocabulary)
    return model


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    family = FAMILIES[arguments.arch]
    vocabulary = family.train_vocabulary(vocabulary_lines(arguments.seed))
    train(family, vocabulary, arguments)
    print(f"{family.name}: wrote {arguments.out}, {os.path.getsize(arguments.out)} bytes")


if __name__ == "__main__":
    main()
