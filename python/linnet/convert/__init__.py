"""convert - Hugging Face folders become GGUF files: models, 4-bit checkpoints, LoRA adapters. Needs NumPy only."""

from __future__ import annotations

from .command import main
from .errors import Error
from .model import Options, convert

__all__ = ["Error", "Options", "convert", "main"]
