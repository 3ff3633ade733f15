# families.py - what distinguishes the three tiny models: vocabulary, chat format, shape; it never trains.

from dataclasses import dataclass, field

from vocabulary import CONTROL, UNKNOWN, ByteLevelBpe, SentencePiece

CONTEXT, WIDTH, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 512, 256, 512, 4, 4, 2, 64
SHAPE = dict(hidden_size=WIDTH, intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS,
             num_attention_heads=HEADS,
             num_key_value_heads=KV_HEADS, max_position_embeddings=CONTEXT, attention_dropout=0.0)


@dataclass(frozen=True)
class Family:
    name: str           # general.architecture
    title: str          # general.name
    vocab_size: int
    tied: bool
    eps: float
    bos: str
    eos: str            # ends a story
    eot: str            # ends a turn of a chat
    turn: str           # a user's turn and the start of the reply, with {text}
    after_turn: str     # what follows the end of the reply, before the next turn
    chat_template: str
    first: tuple = ()   # (token, type) pairs at the start of the vocabulary
    last: tuple = ()    # and at its end
    space_prefix: bool = False
    settings: dict = field(default_factory=dict)  # of the Transformers configuration, beyond SHAPE

    def train_vocabulary(self, lines):
        if self.name == "llama":
            return ByteLevelBpe.train(lines, self.vocab_size, self.last)
        return SentencePiece.train(lines, self.vocab_size, self.first, self.last, self.space_prefix)

    def make_model(self):
        import transformers
        config_class, model_class = {
            "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
            "phi3": (transformers.Phi3Config, transformers.Phi3ForCausalLM),
            "gemma2": (transformers.Gemma2Config, transformers.Gemma2ForCausalLM),
        }[self.name]
        config = config_class(**SHAPE, **self.settings, vocab_size=self.vocab_size,
                              tie_word_embeddings=self.tied,
                              rms_norm_eps=self.eps, bos_token_id=None, eos_token_id=None, pad_token_id=None,
                              use_cache=True)
        return model_class(config)


LLAMA = Family(
    name="llama", title="Linnet Tiny Llama", vocab_size=1024, tied=True, eps=1e-5,
    bos="<|begin_of_text|>", eos="<|end_of_text|>", eot="<|eot_id|>",
    turn=("<|start_header_id|>user<|end_header_id|>\n\n{text}<|eot_id|>"
          "<|start_header_id|>assistant<|end_header_id|>\n\n"), after_turn="",
    chat_template=("{{ bos_token }}{% for message in messages %}"
                   "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
                   "{{ message['content'] + '<|eot_id|>' }}{% endfor %}"
                   "{% if add_generation_prompt %}"
                   "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
    last=tuple((t, CONTROL) for t in ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
                                      "<|end_header_id|>", "<|eot_id|>")))

PHI3 = Family(
    name="phi3", title="Linnet Tiny Phi-3", vocab_size=768, tied=False, eps=1e-5,
    bos="<s>", eos="<|endoftext|>", eot="<|end|>", turn="<|user|>{text}<|end|><|assistant|>", after_turn="",
    chat_template=("{% for message in messages %}"
                   "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
                   "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"),
    first=(("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)),
    last=tuple((t, CONTROL) for t in ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|user|>", "<|end|>")),
    space_prefix=True, settings=dict(sliding_window=None, original_max_position_embeddings=CONTEXT))

GEMMA2 = Family(
    name="gemma2", title="Linnet Tiny Gemma 2", vocab_size=1024, tied=True, eps=1e-6,
    bos="<bos>", eos="<eos>", eot="<end_of_turn>",
    turn="<start_of_turn>user\n{text}<end_of_turn>\n<start_of_turn>model\n", after_turn="\n",
    chat_template=("{{ bos_token }}{% for message in messages %}"
                   "{% if message['role'] == 'assistant' %}{% set role = 'model' %}"
                   "{% else %}{% set role = message['role'] %}{% endif %}"
                   "{{ '<start_of_turn>' + role + '\n' + message['content'] + '<end_of_turn>\n' }}"
                   "{% endfor %}"
                   "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"),
    first=(("<pad>", CONTROL), ("<eos>", CONTROL), ("<bos>", CONTROL), ("<unk>", UNKNOWN),
           ("<start_of_turn>", CONTROL), ("<end_of_turn>", CONTROL)),
    settings=dict(head_dim=HEAD_DIM, query_pre_attn_scalar=HEAD_DIM, sliding_window=64,
                  attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
                  attn_implementation="eager"))

FAMILIES = {family.name: family for family in (LLAMA, PHI3, GEMMA2)}
