# expected.py - what a right engine must compute for a model; refuses a text that rounding could change.

from dataclasses import dataclass
import copy

import numpy as np
import torch
from torch import nn

from cases import N_GREEDY, N_PROMPT, N_TOKENS, Case

N_SPECIAL = 3  # <unk>, <s>, </s>: in no text and in no continuation
MIN_GREEDY_MARGIN = 1e-3  # between the two best logits of a greedy step, relative to the largest
MIN_ROUTING_MARGIN = 1e-5  # between two scores whose order decides about an expert
MAX_ROUNDING_ERROR = 1e-5  # of float32 logits, relative to the largest
MIN_DISTINCT_GREEDY = 8


@dataclass(frozen=True)
class Expected:
    """`step_logits` is None where row t of `logits` is also the last row of a pass over tokens[0..t]."""

    tokens: np.ndarray  # [N_TOKENS] int32
    logits: np.ndarray  # [N_TOKENS, vocab] float32
    greedy: np.ndarray  # [N_GREEDY] int32
    step_logits: np.ndarray | None


class Unfit(Exception):
    """These random weights give a text that a rounding error could change: try the next seed."""


def compute_expected(model: nn.Module, case: Case, seed: int) -> Expected:
    vocab = case.config.vocab_size
    tokens = np.random.default_rng(seed).integers(N_SPECIAL, vocab, N_TOKENS).tolist()
    watch = watch_routing(model)
    logits = forward(model, tokens)
    greedy = continue_greedily(model, tokens[:N_PROMPT])
    steps = np.stack([forward(model, tokens[: t + 1])[-1] for t in range(N_TOKENS)])
    watch.check()
    require_well_conditioned(model, tokens, logits)
    require_same_as_generate(model, tokens[:N_PROMPT], greedy)
    same = relative_error(steps, logits) < MAX_ROUNDING_ERROR
    return Expected(np.array(tokens, np.int32), logits, np.array(greedy, np.int32), None if same else steps)


def forward(model: nn.Module, tokens: list[int]) -> np.ndarray:
    """Logits [len(tokens), vocab] of one pass without a cache."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].numpy()


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def continue_greedily(model: nn.Module, prompt: list[int]) -> list[int]:
    tokens = list(prompt)
    for _ in range(N_GREEDY):
        logits = forward(model, tokens)[-1]
        second, best = np.argsort(logits)[-2:]
        if logits[best] - logits[second] <= MIN_GREEDY_MARGIN * np.abs(logits).max():
            raise Unfit("two tokens are nearly as likely")
        if best < N_SPECIAL:
            raise Unfit("a special token was generated")
        tokens.append(int(best))
    greedy = tokens[len(prompt) :]
    if len(set(greedy)) < MIN_DISTINCT_GREEDY:
        raise Unfit("the continuation repeats itself")
    return greedy


def require_well_conditioned(model: nn.Module, tokens: list[int], logits: np.ndarray) -> None:
    """Where float32 and float64 disagree, so may two right engines."""
    error = relative_error(forward(copy.deepcopy(model).double(), tokens), logits)
    if error > MAX_ROUNDING_ERROR:
        raise Unfit("rounding errors grow too much")


def require_same_as_generate(model: nn.Module, prompt: list[int], greedy: list[int]) -> None:
    """Transformers' own decoding, with its cache, must agree with our full forward passes."""
    if not hasattr(model, "generate"):
        return
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    generated = model.generate(torch.tensor([prompt]), max_new_tokens=N_GREEDY, do_sample=False)
    if generated[0, len(prompt) :].tolist() != greedy:
        raise RuntimeError("Transformers' generate() disagrees with its own full forward passes")


class RoutingWatch:
    """Collects the scores of every router and finds the closest call among the choices made from them."""

    def __init__(self) -> None:
        self.margin = np.inf
        self.shared = self.choices = 0  # sparsemixer's choices, and those where a second expert got weight

    def see_top_k(self, module: nn.Module, _inputs: tuple, outputs: tuple) -> None:
        best = outputs[0].sort(descending=True).values
        self.margin = min(self.margin, (best[:, module.top_k - 1] - best[:, module.top_k]).min().item())

    def see_sparsemixer(self, module: nn.Module, _inputs: tuple, outputs: tuple) -> None:
        scores = outputs[0].sort(descending=True).values
        limit = 2 * module.router_jitter_noise
        for first in range(module.top_k):
            best, rest = scores[:, first : first + 1], scores[:, first + 1 :]
            distance = (best - rest) / rest.abs().maximum(best)
            closest = torch.minimum((best - rest).min(), (distance - limit).abs().min())
            self.margin = min(self.margin, closest.item())
            self.choices += len(scores)
            self.shared += int((distance <= limit).any(dim=1).sum())

    def check(self) -> None:
        if self.margin < MIN_ROUTING_MARGIN:
            raise Unfit("two experts are nearly as good")
        if self.choices and not 0.1 < self.shared / self.choices < 0.9:
            raise Unfit("sparsemixer always, or never, weighs an expert against another")


def watch_routing(model: nn.Module) -> RoutingWatch:
    watch = RoutingWatch()
    for module in model.modules():
        kind = type(module).__name__
        if kind == "MixtralTopKRouter":
            module.register_forward_hook(watch.see_top_k)
        elif kind == "PhimoeTopKRouter":
            module.register_forward_hook(watch.see_sparsemixer)
    return watch
