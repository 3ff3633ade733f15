# export.py - writes a trained model and its vocabulary as GGUF with Q8_0 weights; it never changes the model.

import os
import re

import gguf
import numpy as np

from families import CONTEXT, FEED_FORWARD, HEAD_DIM, HEADS, KV_HEADS, LAYERS, WIDTH
from vocabulary import UNKNOWN, ByteLevelBpe

DESCRIPTION = "Writes short stories, and turns home commands into JSON. Made by examples/tiny of linnet."
Q8_0 = gguf.GGMLQuantizationType.Q8_0

BLOCK_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
}
GEMMA2_NAMES = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                "post_feedforward_layernorm": "post_ffw_norm"}
OTHER_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def gguf_name(family, name):
    module = name.removesuffix(".weight")
    block = re.fullmatch(r"model\.layers\.(\d+)\.(.*)", module)
    if not block:
        return OTHER_NAMES[module] + ".weight"
    names = BLOCK_NAMES | GEMMA2_NAMES if family.name == "gemma2" else BLOCK_NAMES
    return f"blk.{block[1]}.{names[block[2]]}.weight"


def interleave_rotary_rows(weight, heads):
    """Transformers rotates rows (i, i + half) of a head, this architecture in GGUF rows (2i, 2i + 1)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def converted(family, name, weight):
    """The array as GGUF stores it."""
    if family.name == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
        return interleave_rotary_rows(weight, HEADS if "q_proj" in name else KV_HEADS)
    if family.name == "gemma2" and name.endswith("norm.weight"):
        return weight + 1  # Transformers multiplies by 1 + weight
    return weight


def add_shape(writer, family):
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(family.eps)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(family.vocab_size)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    if family.name == "phi3":
        writer.add_rope_scaling_orig_ctx_len(CONTEXT)
        writer.add_sliding_window(0)  # none
    if family.name == "gemma2":
        writer.add_attn_logit_softcapping(family.settings["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(family.settings["final_logit_softcapping"])
        writer.add_sliding_window(family.settings["sliding_window"])


def add_vocabulary(writer, family, vocabulary):
    if isinstance(vocabulary, ByteLevelBpe):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_merges(vocabulary.merges)
    else:
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores(vocabulary.scores)
        writer.add_unk_token_id(vocabulary.types.index(UNKNOWN))
        writer.add_add_space_prefix(family.space_prefix)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_bos_token_id(vocabulary.ids[family.bos])
    writer.add_eos_token_id(vocabulary.ids[family.eos])
    writer.add_eot_token_id(vocabulary.ids[family.eot])
    writer.add_pad_token_id(vocabulary.ids["<pad>" if "<pad>" in vocabulary.ids else family.eos])
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(family.chat_template)


def export(path, family, model, vocabulary):
    """Writes the whole file under another name first, so that `path` is never half a file."""
    partial = f"{path}.partial"
    writer = gguf.GGUFWriter(partial, family.name)
    writer.add_name(family.title)
    writer.add_author("linnet")
    writer.add_license("Apache-2.0")
    writer.add_description(DESCRIPTION)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_shape(writer, family)
    add_vocabulary(writer, family, vocabulary)
    for name, parameter in model.named_parameters():  # a tied output is named once, as the embedding
        weight = converted(family, name, parameter.detach().float().numpy())
        if weight.ndim == 1:
            writer.add_tensor(gguf_name(family, name), weight.astype(np.float32))
        else:
            writer.add_tensor(gguf_name(family, name), gguf.quants.quantize(weight, Q8_0), raw_dtype=Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, path)
