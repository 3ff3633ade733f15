// bad_model_test.cpp - well-formed files that make no model: each gives an Error that names the key or
// tensor.
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>
#include <model/edited_model.hpp>
#include <support/expect_error.hpp>

namespace linnet::bad_model_test {
namespace {

using namespace tests;
using u32 = std::uint32_t;

struct Case {
  const char* name;
  const char* fixture;
  ErrorCode code;
  const char* text;  // in the error's
  std::function<void(EditedModel&)> edit;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::function<void(EditedModel&)> set(const char* key, gguf::Value value) {
  return [=](EditedModel& model) { model.set(key, value); };
}
std::function<void(EditedModel&)> erase(const char* key) {
  return [=](EditedModel& model) { model.erase(key); };
}
std::function<void(EditedModel&)> drop(const char* tensor) {
  return [=](EditedModel& model) { model.drop(tensor); };
}
std::function<void(EditedModel&)> zeros(const char* tensor, DType type, std::vector<std::int64_t> shape) {
  return [=](EditedModel& model) { model.zeros(tensor, type, shape); };
}
/// Changes the texts of the vocabulary.
std::function<void(EditedModel&)> tokens(std::function<void(std::vector<std::string>&)> change) {
  return [=](EditedModel& model) {
    const auto views = model.metadata().texts("tokenizer.ggml.tokens");
    std::vector<std::string> texts(views.begin(), views.end());
    change(texts);
    model.set("tokenizer.ggml.tokens", texts);
  };
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();
constexpr auto bad = ErrorCode::bad_model, unsupported = ErrorCode::unsupported;

const std::vector<Case> cases = {
    // The architecture
    {"no_architecture", "llama", bad, "general.architecture", erase("general.architecture")},
    {"architecture_is_a_number", "llama", bad, "general.architecture", set("general.architecture", u32{1})},
    {"unknown_architecture", "llama", unsupported, "mamba", set("general.architecture", "mamba")},
    {"empty_architecture", "llama", unsupported, "general.architecture", set("general.architecture", "")},
    {"two_line_architecture", "llama", unsupported, "lla\\x0ama", set("general.architecture", "lla\nma")},
    {"another_architectures_keys", "llama", bad, "qwen2.", set("general.architecture", "qwen2")},

    // Sizes
    {"no_blocks", "llama", bad, "llama.block_count", set("llama.block_count", u32{0})},
    {"too_many_blocks", "llama", bad, "llama.block_count", set("llama.block_count", u32{1} << 31)},
    {"negative_blocks", "llama", bad, "llama.block_count", set("llama.block_count", -1)},
    {"blocks_missing", "llama", bad, "llama.block_count", erase("llama.block_count")},
    {"blocks_as_text", "llama", bad, "llama.block_count", set("llama.block_count", "2")},
    {"blocks_as_real", "llama", bad, "llama.block_count", set("llama.block_count", 2.0f)},
    {"blocks_beyond_int64", "llama", bad, "llama.block_count", set("llama.block_count", UINT64_MAX)},
    {"more_blocks_than_tensors", "llama", bad, "blk.2.", set("llama.block_count", u32{3})},
    {"no_embedding", "llama", bad, "llama.embedding_length", set("llama.embedding_length", u32{0})},
    {"huge_embedding", "llama", bad, "llama.embedding_length",
     set("llama.embedding_length", u32{0x7fffffff})},
    {"large_embedding", "llama", bad, "llama.attention.head_count",
     set("llama.embedding_length", u32{1} << 20)},
    {"another_embedding", "llama", bad, "token_embd.weight", set("llama.embedding_length", u32{128})},
    {"no_context", "llama", bad, "llama.context_length", set("llama.context_length", u32{0})},
    {"huge_context", "llama", bad, "llama.context_length", set("llama.context_length", UINT64_MAX / 2)},
    {"context_missing", "llama", bad, "llama.context_length", erase("llama.context_length")},
    {"no_feed_forward", "llama", bad, "llama.feed_forward_length", set("llama.feed_forward_length", u32{0})},
    {"huge_feed_forward", "llama", bad, "llama.feed_forward_length",
     set("llama.feed_forward_length", u32{1} << 30)},
    {"another_feed_forward", "llama", bad, "blk.0.ffn_", set("llama.feed_forward_length", u32{41})},
    {"widths_too_few", "openelm", bad, "openelm.feed_forward_length",
     set("openelm.feed_forward_length", std::vector<u32>{24, 40})},
    {"widths_with_zero", "openelm", bad, "openelm.feed_forward_length",
     set("openelm.feed_forward_length", std::vector<u32>{24, 0, 56})},
    {"widths_as_texts", "openelm", bad, "openelm.feed_forward_length",
     set("openelm.feed_forward_length", std::vector<std::string>{"24", "40", "56"})},

    // Heads
    {"no_heads", "llama", bad, "llama.attention.head_count", set("llama.attention.head_count", u32{0})},
    {"huge_heads", "llama", bad, "llama.attention.head_count",
     set("llama.attention.head_count", u32{1} << 31)},
    {"heads_missing", "llama", bad, "llama.attention.head_count", erase("llama.attention.head_count")},
    {"heads_do_not_divide_the_width", "qwen2", bad, "qwen2.attention.head_count",
     [](EditedModel& m) { m.erase("qwen2.attention.key_length").set("qwen2.attention.head_count", u32{6}); }},
    {"no_key_heads", "llama", bad, "llama.attention.head_count_kv",
     set("llama.attention.head_count_kv", u32{0})},
    {"key_heads_do_not_divide", "llama", bad, "llama.attention.head_count_kv",
     set("llama.attention.head_count_kv", u32{3})},
    {"more_key_heads_than_heads", "llama", bad, "llama.attention.head_count_kv",
     set("llama.attention.head_count_kv", u32{8})},
    {"heads_too_few", "openelm", bad, "openelm.attention.head_count",
     set("openelm.attention.head_count", std::vector<u32>{4})},
    {"heads_empty", "openelm", bad, "openelm.attention.head_count",
     set("openelm.attention.head_count", std::vector<u32>{})},
    {"no_head_size", "llama", bad, "llama.attention.key_length", set("llama.attention.key_length", u32{0})},
    {"huge_head_size", "llama", bad, "llama.attention.key_length",
     set("llama.attention.key_length", u32{1} << 16)},
    {"heads_of_two_sizes", "llama", unsupported, "llama.attention.value_length",
     [](EditedModel& m) {
       m.set("llama.attention.key_length", u32{16}).set("llama.attention.value_length", u32{8});
     }},

    // RoPE
    {"rope_of_an_odd_size", "llama", bad, "llama.rope.dimension_count",
     set("llama.rope.dimension_count", u32{7})},
    {"rope_of_nothing", "llama", bad, "llama.rope.dimension_count",
     set("llama.rope.dimension_count", u32{0})},
    {"rope_beyond_the_head", "llama", bad, "llama.rope.dimension_count",
     set("llama.rope.dimension_count", u32{18})},
    {"rope_base_nan", "llama", bad, "llama.rope.freq_base",
     set("llama.rope.freq_base", static_cast<float>(nan))},
    {"rope_base_infinite", "llama", bad, "llama.rope.freq_base", set("llama.rope.freq_base", infinity)},
    {"rope_base_zero", "llama", bad, "llama.rope.freq_base", set("llama.rope.freq_base", 0.0f)},
    {"rope_base_negative", "llama", bad, "llama.rope.freq_base", set("llama.rope.freq_base", -10000.0f)},
    {"rope_base_text", "llama", bad, "llama.rope.freq_base", set("llama.rope.freq_base", "10000")},
    {"rope_factor_nan", "llama-linear", bad, "llama.rope.scaling.factor",
     set("llama.rope.scaling.factor", nan)},
    {"rope_scaling_unknown", "llama-linear", unsupported, "llama.rope.scaling.type",
     set("llama.rope.scaling.type", "warp")},
    {"rope_original_context_zero", "llama-yarn", bad, "llama.rope.scaling.original_context_length",
     set("llama.rope.scaling.original_context_length", u32{0})},
    {"rope_factors_of_zero", "llama", bad, "rope_freqs.weight", zeros("rope_freqs.weight", DType::f32, {8})},
    {"rope_factors_too_few", "llama", bad, "rope_freqs.weight", zeros("rope_freqs.weight", DType::f32, {7})},
    {"long_factors_too_many", "phi4-mini", bad, "rope_factors_long.weight",
     zeros("rope_factors_long.weight", DType::f32, {9})},

    // Numbers
    {"epsilon_missing", "llama", bad, "llama.attention.layer_norm_rms_epsilon",
     erase("llama.attention.layer_norm_rms_epsilon")},
    {"epsilon_nan", "llama", bad, "llama.attention.layer_norm_rms_epsilon",
     set("llama.attention.layer_norm_rms_epsilon", static_cast<float>(nan))},
    {"epsilon_negative", "phi2", bad, "phi2.attention.layer_norm_epsilon",
     set("phi2.attention.layer_norm_epsilon", -1.0f)},
    {"soft_cap_nan", "gemma2", bad, "gemma2.attn_logit_softcapping",
     set("gemma2.attn_logit_softcapping", static_cast<float>(nan))},
    {"soft_cap_negative", "gemma2", bad, "gemma2.final_logit_softcapping",
     set("gemma2.final_logit_softcapping", -30.0f)},
    {"window_negative", "gemma2", bad, "gemma2.attention.sliding_window",
     set("gemma2.attention.sliding_window", -1)},
    {"window_pattern_zero", "gemma3-pattern", bad, "gemma3.attention.sliding_window_pattern",
     set("gemma3.attention.sliding_window_pattern", u32{0})},
    {"attention_scale_infinite", "gemma2", bad, "gemma2.attention.scale",
     set("gemma2.attention.scale", infinity)},

    // Experts
    {"more_experts_used_than_there_are", "mixtral", bad, "llama.expert_used_count",
     set("llama.expert_used_count", u32{6})},
    {"no_expert_used", "mixtral", bad, "llama.expert_used_count", set("llama.expert_used_count", u32{0})},
    {"experts_used_missing", "mixtral", bad, "llama.expert_used_count", erase("llama.expert_used_count")},
    {"huge_experts", "mixtral", bad, "llama.expert_count", set("llama.expert_count", u32{1} << 31)},
    {"another_number_of_experts", "mixtral", bad, "ffn_", set("llama.expert_count", u32{4})},
    {"phimoe_with_one_expert_used", "phimoe", unsupported, "phimoe.expert_used_count",
     set("phimoe.expert_used_count", u32{1})},
    {"experts_without_tensors", "llama", bad, "blk.0.ffn_gate_inp.weight",
     [](EditedModel& m) { m.set("llama.expert_count", u32{4}).set("llama.expert_used_count", u32{2}); }},

    // Tensors
    {"embedding_missing", "llama", bad, "token_embd.weight", drop("token_embd.weight")},
    {"output_norm_missing", "llama", bad, "output_norm.weight", drop("output_norm.weight")},
    {"matrix_missing", "llama", bad, "blk.1.attn_k.weight", drop("blk.1.attn_k.weight")},
    {"norm_missing", "qwen3", bad, "blk.0.attn_q_norm.weight", drop("blk.0.attn_q_norm.weight")},
    {"matrix_transposed", "llama", bad, "blk.0.ffn_down.weight",
     zeros("blk.0.ffn_down.weight", DType::f32, {64, 40})},
    {"matrix_of_three_dimensions", "llama", bad, "blk.0.attn_q.weight",
     zeros("blk.0.attn_q.weight", DType::f32, {64, 64, 2})},
    {"norm_too_long", "llama", bad, "blk.1.ffn_norm.weight",
     zeros("blk.1.ffn_norm.weight", DType::f32, {65})},
    {"bias_too_short", "qwen2", bad, "blk.0.attn_q.bias", zeros("blk.0.attn_q.bias", DType::f32, {55})},
    {"embedding_empty", "llama", bad, "token_embd.weight", zeros("token_embd.weight", DType::f32, {64, 0})},
    {"matrix_of_integers", "llama", unsupported, "blk.0.attn_q.weight",
     zeros("blk.0.attn_q.weight", DType::i32, {64, 64})},
    {"embedding_of_integers", "llama", unsupported, "I8", zeros("token_embd.weight", DType::i8, {64, 101})},

    // The vocabulary
    {"token_missing", "llama", bad, "tokenizer.ggml.", tokens([](auto& texts) { texts.pop_back(); })},
    {"tokens_fewer_than_rows", "llama", bad, "tokenizer.ggml.tokens",
     [](EditedModel& m) {
       tokens([](auto& texts) { texts.pop_back(); })(m);
       m.erase("tokenizer.ggml.scores").erase("tokenizer.ggml.token_type");
     }},
    {"tokens_more_than_rows", "llama", bad, "tokenizer.ggml.tokens",
     [](EditedModel& m) {
       tokens([](auto& texts) { texts.push_back("another token"); })(m);
       m.erase("tokenizer.ggml.scores").erase("tokenizer.ggml.token_type");
     }},
    {"tokens_none", "llama", bad, "vocabulary of 0 tokens", tokens([](auto& texts) { texts.clear(); })},
    {"tokens_absent", "llama", bad, "tokenizer.ggml.tokens", erase("tokenizer.ggml.tokens")},
    {"token_twice", "llama", bad, "tokenizer.ggml.tokens",
     tokens([](auto& texts) { texts[50] = texts[51]; })},
    {"byte_token_of_no_byte", "llama", bad, "<0x-1>",
     [](EditedModel& m) {
       tokens([](auto& texts) { texts[50] = "<0x-1>"; })(m);
       std::vector<std::int32_t> kinds(101, 1);
       kinds[50] = 6;
       m.set("tokenizer.ggml.token_type", kinds);
     }},
    {"scores_as_bytes", "llama", bad, "tokenizer.ggml.scores",
     set("tokenizer.ggml.scores", std::vector<std::uint8_t>(101))},
    {"scores_too_few", "llama", bad, "tokenizer.ggml.scores",
     set("tokenizer.ggml.scores", std::vector<float>(100))},
    {"kinds_too_many", "llama", bad, "tokenizer.ggml.token_type",
     set("tokenizer.ggml.token_type", std::vector<std::int32_t>(102, 1))},
    {"kind_unknown", "llama", bad, "tokenizer.ggml.token_type",
     set("tokenizer.ggml.token_type", std::vector<std::int32_t>(101, 99))},
    {"bos_outside", "llama", bad, "tokenizer.ggml.bos_token_id",
     set("tokenizer.ggml.bos_token_id", u32{101})},
    {"eos_negative", "llama", bad, "tokenizer.ggml.eos_token_id", set("tokenizer.ggml.eos_token_id", -1)},
    {"tokenizer_unknown", "llama", unsupported, "tokenizer.ggml.model", set("tokenizer.ggml.model", "bert")},
    {"tokenizer_is_a_number", "llama", bad, "tokenizer.ggml.model", set("tokenizer.ggml.model", u32{1})},
};

class BadModel : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Cases, BadModel, testing::ValuesIn(cases),
                         [](const auto& info) { return info.param.name; });

TEST_P(BadModel, IsRefusedByName) {
  EditedModel model(GetParam().fixture);
  GetParam().edit(model);
  expect_error(GetParam().code, GetParam().text, [&] { model.load(); });
}

TEST(BadModelFile, ErrorsNameTheFile) {
  EditedModel model("llama");
  model.drop("output_norm.weight");
  expect_error(ErrorCode::bad_model, "edited.gguf", [&] { model.load(); });
  expect_error(ErrorCode::io, "no-such-file.gguf", [] { Model::load("/nowhere/no-such-file.gguf"); });
}

// What the library does not compute with is named with what it does.
TEST(BadModelFile, TensorTypesAreRefusedByName) {
  for (const DType type : {DType::iq2_xxs, DType::iq3_s, DType::tq1_0}) {
    EditedModel model("llama");
    model.set("llama.feed_forward_length", u32{256});
    for (const char* block : {"blk.0.", "blk.1."}) {
      model.zeros(concat(block, "ffn_down.weight"), DType::f32, {256, 64});
      model.zeros(concat(block, "ffn_gate.weight"), DType::f32, {64, 256});
      model.zeros(concat(block, "ffn_up.weight"), DType::f32, {64, 256});
    }
    EXPECT_NE(model.load(), nullptr);
    model.zeros("blk.1.ffn_down.weight", type, {256, 64});
    expect_error(ErrorCode::unsupported, to_string(type), [&] { model.load(); });
    expect_error(ErrorCode::unsupported, "blk.1.ffn_down.weight", [&] { model.load(); });
    expect_error(ErrorCode::unsupported, "Q4_K", [&] { model.load(); });
  }
}

TEST(EditedModelFile, UnchangedLoadsAndComputesTheSame) {
  const auto text = some_tokens(20);
  EXPECT_TRUE(
      same_bits(fresh_logits(EditedModel("llama").load(), text), fresh_logits(fixture("llama"), text)));
}

// A file may say that its tensors lie anywhere: what is not aligned for the kernels is copied, once.
TEST(EditedModelFile, UnalignedTensorsComputeTheSame) {
  const auto text = some_tokens(20);
  for (const char* name : {"llama", "mixtral", "gemma2"}) {
    int copied = 0;
    for (std::size_t shift = 0; shift < 4; ++shift) {  // of the tensors behind the keys
      EditedModel edited(name);
      edited.set("general.alignment", u32{1}).set("test.shift", std::string(shift, 'x'));
      const auto model = edited.load();
      std::size_t bytes = 0;
      for (const Buffer& buffer : model->weights().owned) bytes += buffer.size();
      copied += bytes > 0;
      EXPECT_LE(bytes, model->file().size());
      EXPECT_TRUE(same_bits(fresh_logits(model, text), fresh_logits(fixture(name), text))) << name;
    }
    EXPECT_EQ(copied, 3);
  }
}

TEST(EditedModelFile, WithoutATokenizerTakesTokensOnly) {
  EditedModel edited("llama");
  edited.erase("tokenizer.ggml.model");
  const auto model = edited.load();
  EXPECT_FALSE(model->has_tokenizer());
  expect_error(ErrorCode::bad_model, "tokenizer.ggml.model", [&] { model->tokenizer(); });
  const auto text = some_tokens(20);
  EXPECT_TRUE(same_bits(fresh_logits(model, text), fresh_logits(fixture("llama"), text)));
}

// Values that are odd but within range: nothing sensible comes out, and nothing breaks.
TEST(EditedModelFile, ExtremeValuesComputeSomething) {
  const std::vector<std::function<void(EditedModel&)>> edits = {
      set("llama.rope.freq_base", 1e-3f),
      set("llama.rope.freq_base", 1.0f),
      set("llama.rope.scaling.factor", 1e-300),
      set("llama.attention.layer_norm_rms_epsilon", 0.0f),
      set("llama.context_length", u32{1} << 30),
      set("llama.attention.sliding_window", u32{1}),
      set("llama.attention.sliding_window", std::uint64_t{1} << 31),
      zeros("blk.0.attn_norm.weight", DType::f32, {64}),
      zeros("token_embd.weight", DType::f32, {64, 101}),
      [](EditedModel& m) {
        m.set("llama.rope.scaling.type", "yarn")
            .set("llama.rope.scaling.factor", 4.0f)
            .set("llama.rope.freq_base", 1.0f);
      },
      [](EditedModel& m) {
        m.set("llama.rope.scaling.type", "yarn")
            .set("llama.rope.scaling.factor", 1e-9)
            .set("llama.rope.scaling.yarn_beta_fast", 1e-3);
      }};
  const auto text = some_tokens(40);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    EditedModel model("llama");
    edits[i](model);
    EXPECT_EQ(fresh_logits(model.load(), text).size(), 101u) << i;
  }
}

// Weights of every type, through every path of the forward pass.
TEST(EditedModelFile, QuantizedWeightsAreClose) {
  const auto text = some_tokens(20);
  const Logits expected = fresh_logits(fixture("llama"), text);
  for (const auto& [type, bar] :
       {std::pair{DType::f16, 5e-3}, {DType::bf16, 5e-2}, {DType::q8_0, 5e-2}, {DType::q5_1, 0.3}}) {
    EditedModel model("llama");
    model.convert(type, 32);
    const double error = relative_error(fresh_logits(model.load(), text), expected);
    EXPECT_GT(error, 0) << to_string(type);
    EXPECT_LT(error, bar) << to_string(type);
  }
}

}  // namespace
}  // namespace linnet::bad_model_test
