"""linnet: fast inference of small language models on CPUs.

    import linnet

    model = linnet.Model("model.gguf")
    logits = model.logits(model.tokenize("Once upon a time"))  # float32 [tokens, vocabulary]
    for piece in model.generate("Once upon a time", max_tokens=256, temperature=0.7):
        print(piece, end="", flush=True)

Beside the engine there are linnet.gguf (read and write model files), linnet.quant (quantize and dequantize
arrays) and linnet.kernels (the kernels of any instruction set, for tests).
"""

from . import gguf, kernels, quant
from ._core import version as __version__
from ._errors import Error
from ._types import SamplingOptions
from .adapter import Adapter
from .generation import Generation, Stats
from .model import Model
from .session import Session

__all__ = [
    "Adapter",
    "Error",
    "Generation",
    "Model",
    "SamplingOptions",
    "Session",
    "Stats",
    "__version__",
    "gguf",
    "kernels",
    "quant",
]
