// quant/mix.hpp - which tensor type each weight of a quantized model gets. Never quantizes.
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>

#include <linnet/base/dtype.hpp>

namespace linnet::quant {

/// Some layers of a model.
enum class Layers {
  all,
  first_two,
  first_four,
  first_sixteenth,
  first_eighth,
  more_bits,  // the first and the last eighth, and every third in between
};

/// A better type for weights whose error the text shows most.
struct MixRule {
  std::string_view weight;  // "attn_v" is blk.N.attn_v.weight
  Layers layers;
  DType type;
  std::int64_t least_group = 1;  // only where as many query heads, or more, share a key head
};

/// A way to quantize a model, by the name that files of it bear.
struct Mix {
  std::string_view name;
  std::uint32_t file_type;  // the value of the key general.file_type
  DType base;
  DType output;                         // of the matrix that makes the logits, tied or not
  std::span<const MixRule> rules = {};  // the first that fits wins
};

namespace detail {

inline constexpr MixRule q2_k_rules[] = {{"attn_v", Layers::all, DType::q4_k, 4},
                                         {"attn_v", Layers::all, DType::q3_k},
                                         {"attn_output", Layers::all, DType::q3_k},
                                         {"ffn_down", Layers::all, DType::q3_k}};
inline constexpr MixRule q3_k_m_rules[] = {{"attn_v", Layers::first_two, DType::q5_k},
                                           {"attn_v", Layers::all, DType::q4_k},
                                           {"attn_qkv", Layers::all, DType::q4_k},
                                           {"attn_output", Layers::all, DType::q4_k},
                                           {"ffn_down", Layers::first_sixteenth, DType::q5_k},
                                           {"ffn_down", Layers::all, DType::q4_k}};
inline constexpr MixRule q3_k_l_rules[] = {{"attn_v", Layers::all, DType::q5_k},
                                           {"attn_qkv", Layers::all, DType::q4_k},
                                           {"attn_output", Layers::all, DType::q5_k},
                                           {"ffn_down", Layers::all, DType::q5_k}};
inline constexpr MixRule q4_k_s_rules[] = {{"attn_v", Layers::first_four, DType::q5_k},
                                           {"ffn_down", Layers::first_eighth, DType::q5_k}};
inline constexpr MixRule q4_k_m_rules[] = {{"attn_v", Layers::more_bits, DType::q6_k},
                                           {"attn_qkv", Layers::all, DType::q5_k},
                                           {"ffn_down", Layers::more_bits, DType::q6_k}};
inline constexpr MixRule q5_k_m_rules[] = {{"attn_v", Layers::more_bits, DType::q6_k},
                                           {"attn_qkv", Layers::all, DType::q6_k},
                                           {"ffn_down", Layers::more_bits, DType::q6_k}};
inline constexpr MixRule iq4_rules[] = {{"attn_v", Layers::all, DType::q5_k, 4},
                                        {"ffn_down", Layers::first_eighth, DType::q5_k}};

}  // namespace detail

/// Every mix, most bits first. The rules are those by which the files in circulation were made.
inline constexpr Mix mixes[] = {
    {"F32", 0, DType::f32, DType::f32},
    {"F16", 1, DType::f16, DType::f16},
    {"BF16", 32, DType::bf16, DType::bf16},
    {"Q8_0", 7, DType::q8_0, DType::q8_0},
    {"Q6_K", 18, DType::q6_k, DType::q6_k},
    {"Q5_K_M", 17, DType::q5_k, DType::q6_k, detail::q5_k_m_rules},
    {"Q5_K_S", 16, DType::q5_k, DType::q6_k},
    {"Q5_1", 9, DType::q5_1, DType::q6_k},
    {"Q5_0", 8, DType::q5_0, DType::q6_k},
    {"Q4_K_M", 15, DType::q4_k, DType::q6_k, detail::q4_k_m_rules},
    {"Q4_K_S", 14, DType::q4_k, DType::q6_k, detail::q4_k_s_rules},
    {"Q4_1", 3, DType::q4_1, DType::q6_k},
    {"Q4_0", 2, DType::q4_0, DType::q6_k},
    {"IQ4_NL", 25, DType::iq4_nl, DType::q6_k, detail::iq4_rules},
    {"IQ4_XS", 30, DType::iq4_xs, DType::q6_k, detail::iq4_rules},
    {"MXFP4", 38, DType::mxfp4, DType::q6_k},
    {"Q3_K_L", 13, DType::q3_k, DType::q6_k, detail::q3_k_l_rules},
    {"Q3_K_M", 12, DType::q3_k, DType::q6_k, detail::q3_k_m_rules},
    {"Q3_K_S", 11, DType::q3_k, DType::q6_k},
    {"Q2_K", 10, DType::q2_k, DType::q6_k, detail::q2_k_rules},
};

/// The mix of this name, in upper or lower case, or null. "Q3_K", "Q4_K" and "Q5_K" mean their _M.
constexpr const Mix* find_mix(std::string_view name) noexcept {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
  const auto starts = [&](std::string_view whole) {
    if (name.size() > whole.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
      if (upper(name[i]) != whole[i]) return false;
    return true;
  };
  for (const Mix& mix : mixes) {
    const std::string_view rest = starts(mix.name) ? mix.name.substr(name.size()) : "?";
    if (rest.empty() || rest == "_M") return &mix;
  }
  return nullptr;
}

/// What the choice of a type needs to know about a model.
struct MixedModel {
  std::int64_t layers = 0;
  std::int64_t group = 1;  // query heads for each key head
  bool tied = false;       // the embedding makes the logits
  std::int64_t experts = 0;
};

namespace detail {

constexpr bool contains(Layers which, std::int64_t layer, std::int64_t count) noexcept {
  const std::int64_t eighth = count / 8;
  switch (which) {
    case Layers::all:
      return true;
    case Layers::first_two:
      return layer < 2;
    case Layers::first_four:
      return layer < 4;
    case Layers::first_sixteenth:
      return layer < count / 16;
    case Layers::first_eighth:
      return layer < eighth;
    case Layers::more_bits:
      return layer < eighth || layer >= 7 * count / 8 || (layer - eighth) % 3 == 2;
  }
  return false;
}

/// The type for rows that are no whole number of `type`'s blocks.
constexpr DType fit_row(DType type, std::int64_t cols) noexcept {
  const auto fits = [&](DType t) { return cols % info(t).block_length == 0; };
  if (fits(type)) return type;
  DType smaller = DType::iq4_nl;  // for IQ4_XS, Q3_K and Q2_K
  if (type == DType::q4_k) smaller = DType::q5_0;
  if (type == DType::q5_k) smaller = DType::q5_1;
  if (type == DType::q6_k) smaller = DType::q8_0;
  return fits(smaller) ? smaller : DType::f16;
}

constexpr DType wanted_type(const Mix& mix, const MixedModel& model, std::string_view name) noexcept {
  if (name == "output.weight" || (model.tied && name == "token_embd.weight")) return mix.output;
  if (!name.starts_with("blk.")) return mix.base;
  std::int64_t layer = 0;
  const char* const end = name.data() + name.size();
  const char* at = std::from_chars(name.data() + 4, end, layer).ptr;
  if (at == end) return mix.base;
  const std::string_view weight(at + 1, static_cast<std::size_t>(end - at - 1));
  if (model.experts == 8 && info(mix.base).block_length > 1) {  // what they share is small beside them
    if (weight.starts_with("attn_v") || weight.starts_with("attn_k")) return DType::q8_0;
    if (weight.starts_with("attn_output") && !mix.rules.empty() && mix.base != DType::q5_k)
      return DType::q5_k;
  }
  for (const MixRule& rule : mix.rules)
    if (weight.starts_with(rule.weight) && model.group >= rule.least_group &&
        contains(rule.layers, layer, model.layers))
      return rule.type;
  return mix.base;
}

}  // namespace detail

/// Whether a mix decides the type of this tensor. The others (norms, biases, routers, RoPE factors) are small
/// and sensitive: they stay F32.
constexpr bool is_mixed(std::string_view name, int dims) noexcept {
  return dims >= 2 && name.ends_with(".weight") && name.find("_norm.") == name.npos &&
         name.find("ffn_gate_inp") == name.npos;
}

/// The type of a model's tensor in a mix. Rows that are no multiple of 256 take the type of 32 that comes
/// nearest, and F16 where they are no multiple of 32 either.
/// @param dims  how many extents the tensor has; `cols` is the first.
constexpr DType choose_type(const Mix& mix, const MixedModel& model, std::string_view name, int dims,
                            std::int64_t cols) noexcept {
  if (!is_mixed(name, dims)) return DType::f32;
  return detail::fit_row(detail::wanted_type(mix, model, name), cols);
}

}  // namespace linnet::quant
