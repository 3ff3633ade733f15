// model_corpus.cpp - writes the seed corpus of model_fuzz: a model of a few hundred numbers for every
// architecture and tokenizer.
#include <exception>
#include <filesystem>
#include <iostream>
#include <vector>

#include <linnet/gguf/writer.hpp>
#include <linnet/model/architectures.hpp>
#include <linnet/model/model.hpp>

namespace {

using namespace linnet;
using u32 = std::uint32_t;

void set_sizes(gguf::Metadata& metadata, const std::string& architecture) {
  metadata.set("general.architecture", architecture);
  const auto set = [&](const char* key, gguf::Value value) {
    metadata.set(concat(architecture, ".", key), value);
  };
  set("block_count", u32{1});
  set("context_length", u32{64});
  set("embedding_length", u32{8});
  set("feed_forward_length", u32{8});
  set("attention.head_count", std::vector<u32>{2});
  set("attention.head_count_kv", u32{1});
  set("attention.key_length", u32{4});
  set("attention.layer_norm_rms_epsilon", 1e-5f);
  set("attention.sliding_window", u32{16});
  set("rope.freq_base", 10000.0f);
  set("rope.dimension_count", u32{4});
  set("rope.scaling.type", "yarn");
  set("rope.scaling.factor", 2.0f);
  if (architecture != "llama" && architecture != "phimoe") return;
  set("expert_count", u32{2});
  set("expert_used_count", u32{2});
}

void set_vocabulary(gguf::Metadata& metadata, bool byte_level) {
  metadata.set("tokenizer.ggml.model", byte_level ? "gpt2" : "llama");
  metadata.set("tokenizer.ggml.bos_token_id", u32{1});
  metadata.set("tokenizer.ggml.token_type",
               std::vector<std::int32_t>{2, 3, 3, 1, 1, 1, 1, byte_level ? 4 : 6});
  metadata.set("tokenizer.chat_template", "{{ messages[0].content }}");
  if (byte_level) {
    metadata.set("tokenizer.ggml.pre", "llama-bpe");
    metadata.set("tokenizer.ggml.tokens",
                 std::vector<std::string>{"a", "<s>", "</s>", "H", "e", "l", "ll", "\xc4\xa0"});
    metadata.set("tokenizer.ggml.merges", std::vector<std::string>{"l l"});
  } else {
    metadata.set("tokenizer.ggml.tokens",
                 std::vector<std::string>{"<unk>", "<s>", "</s>", "\xe2\x96\x81", "H", "l", "ll", "<0x0A>"});
    metadata.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, -1, -2, -3, -1.5f, 0});
  }
}

/// The tensors that any architecture asks for; those that it does not know are passed over.
void add_tensors(gguf::Writer& writer) {
  const auto matrix = [&](const char* name, std::initializer_list<std::int64_t> shape) {
    writer.add_tensor(concat(name, ".weight"), DType::f16, shape);
  };
  matrix("token_embd", {8, 8});
  for (const char* norm : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm", "blk.0.post_attention_norm",
                           "blk.0.post_ffw_norm"})
    matrix(norm, {8});
  for (const char* norm : {"blk.0.attn_q_norm", "blk.0.attn_k_norm"}) matrix(norm, {4});
  for (const char* square :
       {"blk.0.attn_q", "blk.0.attn_output", "blk.0.ffn_gate", "blk.0.ffn_up", "blk.0.ffn_down"})
    matrix(square, {8, 8});
  for (const char* narrow : {"blk.0.attn_k", "blk.0.attn_v"}) matrix(narrow, {8, 4});
  matrix("blk.0.ffn_gate_inp", {8, 2});
  for (const char* expert : {"blk.0.ffn_gate_exps", "blk.0.ffn_up_exps", "blk.0.ffn_down_exps"})
    matrix(expert, {8, 8, 2});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: model_corpus FOLDER");
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const Architecture& architecture : architectures)
    for (const bool byte_level : {false, true}) {
      gguf::Writer writer;
      set_sizes(writer.metadata, std::string(architecture.name));
      set_vocabulary(writer.metadata, byte_level);
      add_tensors(writer);
      const std::filesystem::path path = folder / concat(architecture.name, byte_level ? "_bpe" : "_spm");
      writer.write(path, [](const gguf::Tensor&, gguf::TensorSink& sink) {
        sink.append(std::span<const std::byte>(std::vector<std::byte>(sink.remaining())));
      });
      Model::load(path);  // a seed is of use where it loads
    }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
