// cli/bench_work.cpp - the body of bench_work.hpp.
#include "bench_work.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <linnet/kernels/kv_page.hpp>

namespace linnet::cli {
namespace {

/// A matrix that is read whole for some tokens.
void add_matrix(const Linear& matrix, double tokens, Work& work) {
  work.weight_bytes += static_cast<double>(matrix.weight.bytes());
  work.operations += 2 * static_cast<double>(matrix.weight.elements()) * tokens;
}

void add_feed_forward(const Spec& spec, const LayerWeights& layer, double tokens, Work& work) {
  Work networks;  // all of them, for all tokens
  for (const FeedForward& network : layer.feed_forwards) {
    for (const Linear& matrix : network.in) add_matrix(matrix, tokens, networks);
    add_matrix(network.down, tokens, networks);
  }
  double read = 1, used = 1;  // shares of the experts
  if (spec.experts > 0) {
    used = static_cast<double>(spec.experts_used) / static_cast<double>(spec.experts);
    read = 1 - std::pow(1 - used, tokens);
    add_matrix(layer.router, tokens, work);
  }
  work.weight_bytes += read * networks.weight_bytes;
  work.operations += used * networks.operations;
}

void add_attention(const Spec& spec, const LayerSpec& layer, const Step& step, Work& work) {
  const auto seen = [&](std::int64_t position) {
    return layer.window > 0 ? std::min(layer.window, position + 1) : position + 1;
  };
  double pairs = 0;  // of a query's token with one that it sees
  for (std::int64_t t = 0; t < step.tokens; ++t) pairs += static_cast<double>(seen(step.depth + t));
  const auto batch = static_cast<double>(step.batch);
  work.operations += 4 * pairs * static_cast<double>(layer.heads * spec.head_dim) * batch;
  const std::int64_t keys = std::min(step.depth + step.tokens, seen(step.depth + step.tokens) + step.tokens);
  const std::int64_t row =
      byte_size(step.cache_type, kernels::page_row_length(step.cache_type, spec.head_dim));
  work.cache_bytes += static_cast<double>(2 * keys * layer.kv_heads * row) * batch;
}

}  // namespace

Work count_work(const Model& model, const Step& step) {
  const Spec& spec = model.spec();
  const auto tokens = static_cast<double>(step.tokens * step.batch);
  Work work;
  add_matrix(model.weights().output, static_cast<double>(step.batch), work);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerWeights& layer = model.weights().layers[i];
    for (const Linear& matrix : layer.query_key_value) add_matrix(matrix, tokens, work);
    add_matrix(layer.attention_output, tokens, work);
    add_feed_forward(spec, layer, tokens, work);
    add_attention(spec, spec.layers[i], step, work);
  }
  return work;
}

}  // namespace linnet::cli
