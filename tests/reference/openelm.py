# openelm.py - OpenELM as a compact PyTorch module, from its published description; never Apple's own code.
"""Transformers has no OpenELM: this case is our own reading of the architecture, no independent reference.

A pre-norm decoder whose layers differ in size: grouped-query attention with RMS-normalised query and key
heads and NEOX RoPE, a SwiGLU feed-forward network with gate and up fused, no biases, tied embeddings.
Parameter names are those of the published checkpoints.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    """Sizes; the lists hold one entry per layer."""

    vocab_size: int
    hidden_size: int
    head_dim: int
    num_attention_heads: list[int]
    num_key_value_heads: list[int]
    intermediate_size: list[int]
    max_position_embeddings: int = 256
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-3

    @property
    def num_hidden_layers(self) -> int:
        return len(self.num_attention_heads)


def rotate(x: Tensor, theta: float) -> Tensor:
    """RoPE of x [heads, positions, head_dim], pairing dimension i with i + head_dim / 2."""
    _, positions, size = x.shape
    frequency = theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angle = torch.outer(torch.arange(positions, dtype=torch.float32), frequency)
    first, second = x.chunk(2, dim=-1)
    return torch.cat(
        (first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()), dim=-1
    )


class Attention(nn.Module):
    def __init__(self, config: Config, layer: int):
        super().__init__()
        self.config = config
        self.heads, self.kv = config.num_attention_heads[layer], config.num_key_value_heads[layer]
        self.qkv_proj = nn.Linear(
            config.hidden_size, (self.heads + 2 * self.kv) * config.head_dim, bias=False
        )
        self.q_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.k_norm = nn.RMSNorm(config.head_dim, eps=config.rms_norm_eps)
        self.out_proj = nn.Linear(self.heads * config.head_dim, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv_proj(x).unflatten(-1, (-1, self.config.head_dim)).transpose(0, 1)
        q, k, v = heads.split((self.heads, self.kv, self.kv))
        q = rotate(self.q_norm(q), self.config.rope_theta)
        k = rotate(self.k_norm(k), self.config.rope_theta)
        group = self.heads // self.kv
        k, v = k.repeat_interleave(group, dim=0), v.repeat_interleave(group, dim=0)
        scores = q @ k.transpose(1, 2) / self.config.head_dim**0.5
        future = torch.ones(scores.shape[1:], dtype=torch.bool).triu(1)
        return self.out_proj(
            (scores.masked_fill(future, -torch.inf).softmax(-1) @ v).transpose(0, 1).flatten(1)
        )


class FeedForward(nn.Module):
    def __init__(self, config: Config, layer: int):
        super().__init__()
        self.proj_1 = nn.Linear(config.hidden_size, 2 * config.intermediate_size[layer], bias=False)
        self.proj_2 = nn.Linear(config.intermediate_size[layer], config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.proj_1(x).chunk(2, dim=-1)
        return self.proj_2(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, config: Config, layer: int):
        super().__init__()
        self.attn_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.attn = Attention(config, layer)
        self.ffn_norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.ffn = FeedForward(config, layer)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.attn_norm(x))
        return x + self.ffn(self.ffn_norm(x))


class Model(nn.Module):
    """input_ids [1, positions] -> .logits [1, positions, vocab_size], as a Transformers model gives them."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.transformer = nn.Module()
        self.transformer.token_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.transformer.layers = nn.ModuleList(Layer(config, i) for i in range(config.num_hidden_layers))
        self.transformer.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, input_ids: Tensor, use_cache: bool = False) -> SimpleNamespace:
        x = self.transformer.token_embeddings(input_ids[0])
        for layer in self.transformer.layers:
            x = layer(x)
        logits = self.transformer.norm(x) @ self.transformer.token_embeddings.weight.T
        return SimpleNamespace(logits=logits[None])
