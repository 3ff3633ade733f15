# random_model.py - builds a case's model with lively random weights; never trains.

import torch
from torch import nn
from transformers import AutoModelForCausalLM

import openelm
from cases import Case

EMBEDDING_STD = 0.4
NORM_STD = 0.2
BIAS_STD = 0.2
ROUTER_SPREAD = 0.02


def build_model(case: Case, seed: int) -> nn.Module:
    """The case's model in float32 with eager attention; every weight is drawn from `seed`."""
    if isinstance(case.config, openelm.Config):
        model = openelm.Model(case.config)
    else:
        model = AutoModelForCausalLM.from_config(
            case.config, attn_implementation="eager", experts_implementation="eager", dtype=torch.float32
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(draw_weights(name, parameter.shape, case, generator))
    return model.eval()


def draw_weights(name: str, shape: torch.Size, case: Case, generator: torch.Generator) -> torch.Tensor:
    normal = torch.randn(shape, generator=generator)
    if name.endswith("norm.weight"):
        scale = 1 + NORM_STD * normal
        if name in ("model.norm.weight", "transformer.norm.weight"):
            # Random signs, or a model with tied embeddings would say the token it just read for ever.
            scale *= 2 * torch.randint(2, shape, generator=generator) - 1
        # Transformers' Gemma multiplies by 1 + weight.
        return scale - 1 if case.arch.startswith("gemma") else scale
    if name.endswith(".bias"):
        return BIAS_STD * normal
    if "embed" in name:
        return EMBEDDING_STD * normal
    if name.endswith("mlp.router.weight"):
        # Sparsemixer weighs an expert only if its score is within 2 % of the best one: so nearly equal rows.
        normal = ROUTER_SPREAD * normal + torch.randn(shape[1:], generator=generator)
    return case.gain * normal / shape[-1] ** 0.5
