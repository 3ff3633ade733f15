// model/adapter.ipp - the body of adapter.hpp. Facts: the GGUF adapters of convert_lora_to_gguf.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <linnet/base/checksum.hpp>
#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/model/adapter.hpp>

namespace linnet {
namespace detail {

/// Finds the two tensors of each matrix of a model in an adapter's file, and checks them.
class AdapterReader {
 public:
  AdapterReader(const gguf::File& file, const Model& model) : file_(file), model_(model) {}

  std::unordered_map<const Linear*, LowRank> read();

 private:
  struct Pair {
    const gguf::Tensor* a = nullptr;
    const gguf::Tensor* b = nullptr;
  };

  void check_keys() const;
  std::map<std::string, Pair, std::less<>> pair_tensors() const;
  static void check_shapes(const std::string& name, const Pair& pair, const Linear& matrix,
                           std::int64_t slices);
  LowRank read_slice(const Pair& pair, const Linear& matrix) const;

  const gguf::File& file_;
  const Model& model_;
  float alpha_ = 0;
};

inline void AdapterReader::check_keys() const {
  const gguf::Metadata& metadata = file_.metadata();
  const auto expect = [&](std::string_view key, std::string_view expected, ErrorCode code, auto advice) {
    const std::string_view found = metadata.text(key, "");
    if (found != expected)
      fail(code, "key \"", key, "\": expected \"", expected, "\", the file has ", in_quotes(found), "; ",
           advice);
  };
  expect("general.type", "adapter", ErrorCode::bad_model, "this is no adapter (is it the model itself?)");
  expect("adapter.type", "lora", ErrorCode::unsupported, "linnet applies LoRA adapters only");
  expect("general.architecture", model_.spec().architecture, ErrorCode::bad_model,
         "the adapter belongs to another model");
  if (metadata.contains("adapter.alora.invocation_tokens"))
    fail(ErrorCode::unsupported, "key \"adapter.alora.invocation_tokens\": adapters that some tokens switch ",
         "on are not supported; use a plain LoRA adapter");
}

/// The tensors by the name of what they change, without ".weight.lora_a".
inline std::map<std::string, AdapterReader::Pair, std::less<>> AdapterReader::pair_tensors() const {
  std::map<std::string, Pair, std::less<>> pairs;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    const bool is_a = tensor.name.ends_with(".lora_a");
    if (!is_a && !tensor.name.ends_with(".lora_b"))
      fail(ErrorCode::unsupported, "tensor ", in_quotes(tensor.name),
           " is not one of a LoRA pair (NAME.lora_a, NAME.lora_b); linnet applies nothing else");
    Pair& pair = pairs[tensor.name.substr(0, tensor.name.size() - 7)];
    (is_a ? pair.a : pair.b) = &tensor;
  }
  for (const auto& [name, pair] : pairs)
    if (!pair.a || !pair.b)
      fail(ErrorCode::bad_model, "tensor ", in_quotes(name + (pair.a ? ".lora_b" : ".lora_a")),
           " is missing; the adapter's file is not whole");
  if (pairs.empty()) fail(ErrorCode::bad_model, "the adapter has no tensors");
  return pairs;
}

inline void AdapterReader::check_shapes(const std::string& name, const Pair& pair, const Linear& matrix,
                                        std::int64_t slices) {
  const Shape& a = pair.a->view.shape;
  const Shape& b = pair.b->view.shape;
  const std::int64_t in = matrix.weight.cols(), out = matrix.weight.rows(), rank = a[1];
  const auto check = [&](const char* end, const Shape& found, const Shape& expected) {
    if (found != expected)
      fail(ErrorCode::bad_model, "tensor ", in_quotes(name + end), ": expected shape ", to_string(expected),
           ", the file has ", to_string(found), "; the adapter belongs to another model");
  };
  if (rank < 1) fail(ErrorCode::bad_model, "tensor ", in_quotes(name + ".lora_a"), ": its rank is 0");
  check(".lora_a", a, {in, rank, slices, 1});
  check(".lora_b", b, {rank, out, slices, 1});
}

/// One expert's part, or all of a pair that has no experts.
inline LowRank AdapterReader::read_slice(const Pair& pair, const Linear& matrix) const {
  const std::int64_t rank = pair.a->view.shape[1], out = matrix.weight.rows();
  LowRank part;
  part.rank = rank;
  part.scale = alpha_ != 0 ? alpha_ / static_cast<float>(rank) : 1;
  const auto slice = [&](const gguf::Tensor& tensor) {
    gguf::Tensor one = tensor;
    one.view.shape[2] = 1;
    one.view.data += matrix.slice * one.view.bytes();
    return read_floats(one);
  };
  part.down = slice(*pair.a);
  const std::vector<float> b = slice(*pair.b);
  part.up.resize(b.size());
  for (std::int64_t r = 0; r < out; ++r)
    for (std::int64_t k = 0; k < rank; ++k)
      part.up[static_cast<std::size_t>(k * out + r)] = b[static_cast<std::size_t>(r * rank + k)];
  return part;
}

inline std::unordered_map<const Linear*, LowRank> AdapterReader::read() {
  check_keys();
  alpha_ = static_cast<float>(file_.metadata().real("adapter.lora.alpha", 0));
  if (!std::isfinite(alpha_)) fail(ErrorCode::bad_model, "key \"adapter.lora.alpha\" is not finite");
  std::map<std::string, std::vector<const Linear*>, std::less<>> matrices;  // by name, experts in their order
  for_each_matrix(model_.weights(), [&](const Linear& matrix) { matrices[matrix.name].push_back(&matrix); });
  std::unordered_map<const Linear*, LowRank> parts;
  for (const auto& [name, pair] : pair_tensors()) {
    const auto found = matrices.find(name);
    if (found == matrices.end() && name == "token_embd.weight")
      fail(ErrorCode::unsupported, "tensor \"token_embd.weight.lora_a\": adapters of token embeddings are ",
           "not supported; merge the adapter into the model");
    if (found == matrices.end())
      fail(ErrorCode::bad_model, "tensor ", in_quotes(name + ".lora_a"), ": the model has no matrix ",
           in_quotes(name), "; the adapter belongs to another model");
    for (const Linear* matrix : found->second) {
      check_shapes(name, pair, *matrix, static_cast<std::int64_t>(found->second.size()));
      parts.emplace(matrix, read_slice(pair, *matrix));
    }
  }
  return parts;
}

}  // namespace detail

LINNET_INLINE Adapter::Adapter(const gguf::File& file, std::shared_ptr<const Model> model)
    : model_(std::move(model)), parts_(detail::AdapterReader(file, *model_).read()) {
  Checksum contents;
  contents.add(file.metadata().real("adapter.lora.alpha", 0));
  for (const gguf::Tensor& tensor : file.tensors()) {
    contents.add(tensor.name);
    contents.add(std::span(tensor.view.data, static_cast<std::size_t>(tensor.view.bytes())));
  }
  fingerprint_ = contents.value();
}

LINNET_INLINE std::shared_ptr<const Adapter> Adapter::load(const std::filesystem::path& path,
                                                           std::shared_ptr<const Model> model) {
  model = existing(std::move(model));
  const gguf::File file = gguf::File::open(path);
  try {
    return std::shared_ptr<const Adapter>(new Adapter(file, std::move(model)));
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.what());
  }
}

LINNET_INLINE const LowRank* Adapter::find(const Linear& matrix) const noexcept {
  const auto found = parts_.find(&matrix);
  return found == parts_.end() ? nullptr : &found->second;
}

LINNET_INLINE std::int64_t Adapter::max_rank() const noexcept {
  std::int64_t most = 0;
  for (const auto& [matrix, part] : parts_) most = std::max(most, part.rank);
  return most;
}

LINNET_INLINE ActiveAdapters::ActiveAdapters(std::span<const AdapterUse> uses, const Model& model,
                                             std::int64_t batch) {
  for (const AdapterUse& use : uses) {
    if (!use.adapter)
      fail(ErrorCode::invalid_argument, "expected an adapter, got a null pointer; Adapter::load makes one");
    if (&use.adapter->model() != &model)
      fail(ErrorCode::invalid_argument, "this adapter was loaded for another model; load it for this one");
    if (!std::isfinite(use.scale))
      fail(ErrorCode::invalid_argument, "adapter: expected a finite scale, got ", use.scale);
    if (use.scale == 0) continue;
    uses_.push_back(use);
    max_rank_ = std::max(max_rank_, use.adapter->max_rank());
    for_each_matrix(model.weights(), [&](const Linear& matrix) {
      if (const LowRank* part = use.adapter->find(matrix))
        parts_[&matrix].push_back({part, use.scale * part->scale});
    });
  }
  reduced_.resize(static_cast<std::size_t>(batch * max_rank_));
}

LINNET_INLINE void ActiveAdapters::add(ThreadTeam::Member& team, const kernels::Table& table,
                                       std::span<const Linear> parts, const float* x, std::int64_t x_stride,
                                       std::int64_t tokens, float* y, std::int64_t y_stride) const noexcept {
  for (const Linear& matrix : parts) {
    if (const auto found = parts_.find(&matrix); found != parts_.end())
      for (const Part& part : found->second)
        add_part(team, table, part, matrix, x, x_stride, tokens, y, y_stride);
    y += matrix.weight.rows();
  }
}

LINNET_INLINE void ActiveAdapters::add_part(ThreadTeam::Member& team, const kernels::Table& table,
                                            const Part& part, const Linear& matrix, const float* x,
                                            std::int64_t x_stride, std::int64_t tokens, float* y,
                                            std::int64_t y_stride) const noexcept {
  const LowRank& low = *part.low_rank;
  const std::int64_t in = matrix.weight.cols(), out = matrix.weight.rows();
  float* const reduced = reduced_.data();
  constexpr std::int64_t rank_grain = 8, row_grain = 512;
  team.for_chunks(low.rank, rank_grain, [&](std::int64_t first, std::int64_t last) {
    kernels::entry(table.matmul, DType::f32)({.weights = reinterpret_cast<const std::byte*>(low.down.data()),
                                              .row_bytes = in * static_cast<std::int64_t>(sizeof(float)),
                                              .cols = in,
                                              .row_begin = first,
                                              .row_end = last,
                                              .x = x,
                                              .x_stride = x_stride,
                                              .tokens = tokens,
                                              .y = reduced,
                                              .y_stride = low.rank});
  });
  team.for_chunks(out, row_grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = 0; t < tokens; ++t)
      for (std::int64_t k = 0; k < low.rank; ++k)
        table.add_scaled(low.up.data() + k * out + first, part.scale * reduced[t * low.rank + k],
                         last - first, y + t * y_stride + first);
  });
}

}  // namespace linnet
