# loading.py - reads a tiny model back from its GGUF file, in float32; it never uses the training's state.

from pathlib import Path

import gguf
import torch
import transformers

from families import FAMILIES, HEAD_DIM
from vocabulary import ByteLevelBpe, SentencePiece


def read_vocabulary(reader):
    def value(key):
        return reader.get_field("tokenizer.ggml." + key).contents()

    if value("model") == "gpt2":
        return ByteLevelBpe(value("tokens"), value("token_type"), value("merges"))
    return SentencePiece(value("tokens"), value("token_type"), value("scores"), value("add_space_prefix"))


def load(path):
    """(family, vocabulary, model). Transformers' own GGUF reader dequantizes the weights and undoes their
    layout: a mistake in export.py cannot cancel itself out here."""
    reader = gguf.GGUFReader(path)
    family = FAMILIES[reader.get_field("general.architecture").contents()]
    path = Path(path)
    classes = dict(llama=transformers.LlamaForCausalLM, phi3=transformers.Phi3ForCausalLM,
                   gemma2=transformers.Gemma2ForCausalLM)
    unread = dict(query_pre_attn_scalar=HEAD_DIM) if family.name == "gemma2" else {}  # has no key in GGUF
    model = classes[family.name].from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32,
                                                 attn_implementation="eager", **unread)
    return family, read_vocabulary(reader), model.eval()
