// tests/quant/mix_test.cpp - which type each weight of a quantized model gets.
#include <set>

#include <gtest/gtest.h>

#include <linnet/quant/formats.hpp>
#include <linnet/quant/mix.hpp>

namespace linnet::quant::mix_test {
namespace {

DType choose(std::string_view mix, std::string_view name, std::int64_t cols = 2048, int dims = 2,
             MixedModel model = {.layers = 16, .group = 4, .tied = true}) {
  return choose_type(*find_mix(mix), model, name, dims, cols);
}

TEST(Mix, IsFoundByNameInAnyCase) {
  EXPECT_EQ(find_mix("q4_k_m")->name, "Q4_K_M");
  EXPECT_EQ(find_mix("Q4_K")->name, "Q4_K_M");
  EXPECT_EQ(find_mix("q3_k")->name, "Q3_K_M");
  EXPECT_EQ(find_mix("q6_k")->name, "Q6_K");
  EXPECT_EQ(find_mix("iq4_nl")->name, "IQ4_NL");
  for (std::string_view name : {"", "q", "q4_", "q4_k_", "q4_k_mm", "q7"})
    EXPECT_EQ(find_mix(name), nullptr) << name;
}

TEST(Mix, EveryTypeHasOneAndNoTwoShareANumber) {
  std::set<DType> bases;
  std::set<std::uint32_t> numbers;
  for (const Mix& mix : mixes) {
    bases.insert(mix.base);
    EXPECT_TRUE(numbers.insert(mix.file_type).second) << mix.name;
    EXPECT_EQ(find_mix(mix.name), &mix);
  }
  for_each_format([&]<class F>() { EXPECT_TRUE(bases.contains(F::dtype)) << to_string(F::dtype); });
}

TEST(Mix, Q4KMGivesMoreBitsToTheOuterLayersAndEveryThird) {
  std::string more;
  for (int i = 0; i < 16; ++i)
    more += choose("q4_k_m", "blk." + std::to_string(i) + ".ffn_down.weight") == DType::q6_k ? '6' : '4';
  EXPECT_EQ(more, "6644644644644666");
  EXPECT_EQ(choose("q4_k_m", "blk.0.attn_v.weight"), DType::q6_k);
  EXPECT_EQ(choose("q4_k_m", "blk.2.attn_v.weight"), DType::q4_k);
  EXPECT_EQ(choose("q4_k_m", "blk.2.attn_qkv.weight"), DType::q5_k);
  EXPECT_EQ(choose("q4_k_m", "blk.0.attn_q.weight"), DType::q4_k);
}

TEST(Mix, TheLogitsAreMadeInQ6KTiedOrNot) {
  EXPECT_EQ(choose("q4_0", "token_embd.weight"), DType::q6_k);
  EXPECT_EQ(choose("q4_0", "output.weight"), DType::q6_k);
  EXPECT_EQ(choose("q4_0", "token_embd.weight", 2048, 2, {.layers = 16, .group = 4, .tied = false}),
            DType::q4_0);
  EXPECT_EQ(choose("f16", "output.weight"), DType::f16);
  EXPECT_EQ(choose("q8_0", "output.weight"), DType::q8_0);
}

TEST(Mix, SmallAndSensitiveTensorsStayF32) {
  EXPECT_EQ(choose("q4_k_m", "blk.0.attn_norm.weight", 2048, 1), DType::f32);
  EXPECT_EQ(choose("q4_k_m", "blk.0.attn_q.bias", 2048, 1), DType::f32);
  EXPECT_EQ(choose("q4_k_m", "blk.0.ffn_gate_inp.weight"), DType::f32);
  EXPECT_EQ(choose("q4_k_m", "rope_freqs.weight", 32, 1), DType::f32);
}

TEST(Mix, RowsThatAreNoMultipleOf256FallBack) {
  const std::string_view plain = "blk.5.attn_q.weight";
  EXPECT_EQ(choose("q4_k_m", plain, 1152), DType::q5_0);
  EXPECT_EQ(choose("q5_k_s", plain, 1152), DType::q5_1);
  EXPECT_EQ(choose("q6_k", plain, 1152), DType::q8_0);
  EXPECT_EQ(choose("iq4_xs", plain, 1152), DType::iq4_nl);
  EXPECT_EQ(choose("q3_k_s", plain, 1152), DType::iq4_nl);
  EXPECT_EQ(choose("q2_k", plain, 1152), DType::iq4_nl);
  EXPECT_EQ(choose("q4_k_m", "output.weight", 1152), DType::q8_0);
  EXPECT_EQ(choose("q4_k_m", plain, 40), DType::f16);
}

TEST(Mix, WhatEightExpertsShareGetsMoreBits) {
  const MixedModel eight = {.layers = 32, .group = 4, .tied = false, .experts = 8};
  EXPECT_EQ(choose("q4_k_m", "blk.5.attn_v.weight", 4096, 2, eight), DType::q8_0);
  EXPECT_EQ(choose("q4_k_m", "blk.5.attn_k.weight", 4096, 2, eight), DType::q8_0);
  EXPECT_EQ(choose("q4_k_m", "blk.5.attn_output.weight", 4096, 2, eight), DType::q5_k);
  EXPECT_EQ(choose("q5_k_m", "blk.5.attn_output.weight", 4096, 2, eight), DType::q5_k);
  EXPECT_EQ(choose("q4_0", "blk.5.attn_output.weight", 4096, 2, eight), DType::q4_0);
  EXPECT_EQ(choose("q4_k_m", "blk.5.ffn_up_exps.weight", 4096, 3, eight), DType::q4_k);
  EXPECT_EQ(choose("f16", "blk.5.attn_v.weight", 4096, 2, eight), DType::f16);
}

TEST(Mix, SomeRulesAskForSharedKeys) {
  const MixedModel alone = {.layers = 16, .group = 1, .tied = false};
  EXPECT_EQ(choose("q2_k", "blk.5.attn_v.weight"), DType::q4_k);
  EXPECT_EQ(choose("q2_k", "blk.5.attn_v.weight", 2048, 2, alone), DType::q3_k);
  EXPECT_EQ(choose("iq4_xs", "blk.5.attn_v.weight", 2048, 2, alone), DType::iq4_xs);
}

}  // namespace
}  // namespace linnet::quant::mix_test
