// model/hyperparameters.ipp - the body of hyperparameters.hpp. Keys and defaults: the GGUF specification.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/model/hyperparameters.hpp>
#include <linnet/model/weights.hpp>

namespace linnet {

LINNET_INLINE Hyperparameters::Hyperparameters(const gguf::File& file)
    : file_(file), architecture_(file.metadata().text("general.architecture")) {}

LINNET_INLINE std::string Hyperparameters::full(std::string_view key) const {
  return concat(architecture_, ".", key);
}

LINNET_INLINE bool Hyperparameters::contains(std::string_view key) const {
  return file_.metadata().contains(full(key));
}

namespace detail {

template <class Number>
Number check_range(const std::string& key, Number value, Number low, Number high) {
  if (!(value >= low && value <= high))  // also catches NaN
    fail(ErrorCode::bad_model, "key \"", key, "\": expected ", low, " to ", high, ", found ", value);
  return value;
}

}  // namespace detail

LINNET_INLINE std::int64_t Hyperparameters::integer(std::string_view key, std::int64_t low,
                                                    std::int64_t high) const {
  return detail::check_range(full(key), file_.metadata().integer(full(key)), low, high);
}

LINNET_INLINE std::int64_t Hyperparameters::integer(std::string_view key, std::int64_t low, std::int64_t high,
                                                    std::int64_t fallback) const {
  return contains(key) ? integer(key, low, high) : fallback;
}

LINNET_INLINE std::vector<std::int64_t> Hyperparameters::per_layer(std::string_view key, std::int64_t layers,
                                                                   std::int64_t low,
                                                                   std::int64_t high) const {
  const gguf::Value* value = file_.metadata().find(full(key));
  if (!value || value->type() != gguf::ValueType::array)
    return std::vector<std::int64_t>(static_cast<std::size_t>(layers), integer(key, low, high));
  std::vector<std::int64_t> values = file_.metadata().integers(full(key));
  if (static_cast<std::int64_t>(values.size()) != layers)
    fail(ErrorCode::bad_model, "key \"", full(key), "\": expected one number or ", layers,
         ", one per block; found ", values.size());
  for (std::int64_t v : values) detail::check_range(full(key), v, low, high);
  return values;
}

LINNET_INLINE double Hyperparameters::real(std::string_view key, double low, double high) const {
  return detail::check_range(full(key), file_.metadata().real(full(key)), low, high);
}

LINNET_INLINE double Hyperparameters::real(std::string_view key, double low, double high,
                                           double fallback) const {
  return contains(key) ? real(key, low, high) : fallback;
}

LINNET_INLINE std::string_view Hyperparameters::text(std::string_view key, std::string_view fallback) const {
  return file_.metadata().text(full(key), fallback);
}

LINNET_INLINE std::vector<float> Hyperparameters::factors(const std::string& tensor,
                                                          std::int64_t length) const {
  const gguf::Tensor* found = file_.find(tensor);
  if (!found) return {};
  if (found->view.shape != Shape{length, 1, 1, 1})
    fail(ErrorCode::bad_model, "tensor \"", tensor, "\": expected shape [", length, "], found ",
         to_string(found->view.shape));
  std::vector<float> values = read_floats(*found);
  for (float v : values)
    if (!(v > 0)) fail(ErrorCode::bad_model, "tensor \"", tensor, "\": expected factors above 0, found ", v);
  return values;
}

namespace detail {

inline constexpr std::int64_t max_layers = 512, max_width = 1 << 20, max_heads = 1 << 12,
                              max_head_dim = 1 << 10, max_vocabulary = 1 << 24, max_context = 1 << 30,
                              max_experts = 1 << 10;

/// 1 + 0.1 m ln(factor): how much attention is sharpened when a context is stretched. Source: Peng et al.,
/// YaRN, 2023.
inline double yarn_magnitude(double factor, double m) {
  return factor <= 1 ? 1 : 1 + 0.1 * m * std::log(factor);
}

inline void read_yarn(const Hyperparameters& in, double factor, RopeSpec& rope) {
  rope.yarn = true;
  rope.yarn_factor = factor;
  rope.yarn_beta_fast = in.real("rope.scaling.yarn_beta_fast", 1e-3, 1e6, 32);
  rope.yarn_beta_slow = in.real("rope.scaling.yarn_beta_slow", 1e-3, 1e6, 1);
  const double log_multiplier = in.real("rope.scaling.yarn_log_multiplier", 0, 1e3, 0);
  double magnitude = yarn_magnitude(factor, 1);
  if (log_multiplier != 0) magnitude /= yarn_magnitude(factor, log_multiplier);
  magnitude *= in.real("rope.scaling.yarn_attn_factor", 0, 1e3, 1);
  rope.magnitude *= static_cast<float>(magnitude);
}

inline RopeSpec read_rope(const Hyperparameters& in, std::int64_t head_dim, std::int64_t context) {
  RopeSpec rope;
  rope.dims = in.integer("rope.dimension_count", 2, head_dim, head_dim);
  if (rope.dims % 2 != 0)
    fail(ErrorCode::bad_model, "key \"", in.architecture(),
         ".rope.dimension_count\": expected an even number, found ", rope.dims);
  rope.base = in.real("rope.freq_base", 1e-3, 1e12, 10000);
  rope.original_context = in.integer("rope.scaling.original_context_length", 1, max_context, context);
  rope.magnitude = static_cast<float>(in.real("rope.scaling.attn_factor", 0, 1e3, 1));

  rope.factors = in.factors("rope_freqs.weight", rope.dims / 2);
  if (rope.factors.empty()) rope.factors = in.factors("rope_factors_short.weight", rope.dims / 2);
  rope.long_factors = in.factors("rope_factors_long.weight", rope.dims / 2);

  const std::string_view type = in.text("rope.scaling.type", "linear");
  const double factor = in.real("rope.scaling.factor", 0, 1e6, in.real("rope.scale_linear", 0, 1e6, 1));
  if (type == "yarn" && factor > 0) read_yarn(in, factor, rope);
  // Files whose factors are tensors may name a factor as well; the tensors already hold it.
  if (type == "linear" && factor > 0 && rope.factors.empty()) rope.linear_factor = factor;
  if (type != "none" && type != "linear" && type != "yarn" && rope.factors.empty())
    fail(ErrorCode::unsupported, "key \"", in.architecture(),
         ".rope.scaling.type\": expected none, linear, yarn, or tensors with the factors, found ",
         in_quotes(type));
  return rope;
}

inline void read_layers(const Hyperparameters& in, Spec& spec) {
  const std::int64_t count = in.integer("block_count", 1, max_layers);
  const auto heads = in.per_layer("attention.head_count", count, 1, max_heads);
  const auto kv_heads = in.contains("attention.head_count_kv")
                            ? in.per_layer("attention.head_count_kv", count, 1, max_heads)
                            : heads;
  const auto feed_forward = in.per_layer("feed_forward_length", count, 1, max_width);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    if (heads[i] % kv_heads[i] != 0)
      fail(ErrorCode::bad_model, "key \"", spec.architecture,
           ".attention.head_count_kv\": expected a divisor of the ", heads[i], " query heads, found ",
           kv_heads[i]);
    spec.layers.push_back({.heads = heads[i], .kv_heads = kv_heads[i], .feed_forward = feed_forward[i]});
  }
}

inline std::int64_t read_head_dim(const Hyperparameters& in, const Spec& spec) {
  const std::int64_t heads = spec.layers[0].heads;
  if (!in.contains("attention.key_length") && spec.embedding % heads != 0)
    fail(ErrorCode::bad_model, "key \"", spec.architecture,
         ".attention.head_count\": expected a divisor of the width ", spec.embedding, ", found ", heads);
  const std::int64_t key = in.integer("attention.key_length", 1, max_head_dim, spec.embedding / heads);
  const std::int64_t value = in.integer("attention.value_length", 1, max_head_dim, key);
  if (key > max_head_dim)
    fail(ErrorCode::bad_model, "key \"", spec.architecture, ".attention.head_count\": ", heads,
         " heads of a width of ", spec.embedding, " have ", key, " values each; expected at most ",
         max_head_dim);
  if (key != value)
    fail(ErrorCode::unsupported, "key \"", spec.architecture,
         ".attention.value_length\": expected the key length ", key, ", found ", value,
         "; heads of two sizes are not supported");
  return key;
}

/// The vocabulary has as many entries as the embedding has rows; that the tokenizer agrees is checked with
/// it.
inline std::int64_t read_vocabulary(const Hyperparameters& in) {
  const gguf::Tensor* embedding = in.file().find("token_embd.weight");
  if (!embedding)
    fail(ErrorCode::bad_model,
         "tensor \"token_embd.weight\" is missing; is this file a vocabulary or an adapter only, ",
         "or one part of a split model?");
  return check_range<std::int64_t>("token_embd.weight rows", embedding->view.shape[1], 1, max_vocabulary);
}

}  // namespace detail

LINNET_INLINE Spec read_common_spec(const Hyperparameters& in) {
  Spec spec;
  spec.architecture = in.architecture();
  spec.vocabulary = detail::read_vocabulary(in);
  spec.embedding = in.integer("embedding_length", 1, detail::max_width);
  spec.context = in.integer("context_length", 1, detail::max_context);
  detail::read_layers(in, spec);
  spec.head_dim = detail::read_head_dim(in, spec);
  spec.ropes.push_back(detail::read_rope(in, spec.head_dim, spec.context));

  const bool rms =
      in.contains("attention.layer_norm_rms_epsilon") || !in.contains("attention.layer_norm_epsilon");
  spec.norm_epsilon = static_cast<float>(
      in.real(rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", 0, 1));
  spec.experts = in.integer("expert_count", 0, detail::max_experts, 0);
  if (spec.experts > 0) spec.experts_used = in.integer("expert_used_count", 1, spec.experts);
  spec.attention_scale = static_cast<float>(
      in.real("attention.scale", 0, 1e3, 1 / std::sqrt(static_cast<double>(spec.head_dim))));
  if (spec.attention_scale == 0) spec.attention_scale = 1 / std::sqrt(static_cast<float>(spec.head_dim));
  return spec;
}

}  // namespace linnet
