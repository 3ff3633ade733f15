// model/adapter.hpp - low-rank adapters (LoRA): what a fine-tune adds to a model's matrices, kept beside
// them. Never changes a weight.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <linnet/base/config.hpp>
#include <linnet/base/threads.hpp>
#include <linnet/gguf/reader.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/model.hpp>
#include <linnet/model/weights.hpp>

namespace linnet {

/// What an adapter adds to one matrix: y += scale * B (A x). Source: Hu et al., LoRA, 2021.
struct LowRank {
  std::int64_t rank = 0;
  float scale = 1;          // alpha / rank
  std::vector<float> down;  // [rank, in]: A
  std::vector<float> up;    // [rank, out]: the columns of B, so that y grows by multiples of whole rows
};

/// An adapter of one model, as a GGUF file describes it. Immutable; share it between any number of sessions.
class Adapter {
 public:
  /// Reads a GGUF adapter (general.type "adapter", adapter.type "lora") for every matrix that it names:
  /// NAME.lora_a [in, rank] and NAME.lora_b [rank, out], stacked by expert where the model's are.
  /// Cost: reads the file once; 4 bytes of memory for each value in it.
  /// @throws Error: see gguf::File::open for malformed files; bad_model for a file that is no adapter or
  /// one of another model, naming the tensor; unsupported for what linnet does not apply (token embeddings).
  static std::shared_ptr<const Adapter> load(const std::filesystem::path& path,
                                             std::shared_ptr<const Model> model);

  const Model& model() const noexcept { return *model_; }
  /// What it adds to this matrix of its model, or null.
  const LowRank* find(const Linear& matrix) const noexcept;
  /// Matrices that it changes.
  std::size_t size() const noexcept { return parts_.size(); }
  std::int64_t max_rank() const noexcept;
  /// A number that differs between adapters of different contents.
  std::uint64_t fingerprint() const noexcept { return fingerprint_; }

 private:
  Adapter(const gguf::File& file, std::shared_ptr<const Model> model);

  std::shared_ptr<const Model> model_;  // the keys of parts_ are its matrices
  std::unordered_map<const Linear*, LowRank> parts_;
  std::uint64_t fingerprint_ = 0;
};

/// An adapter, and how much of it to apply: 1 is what it was trained for, 0 nothing.
struct AdapterUse {
  std::shared_ptr<const Adapter> adapter;
  float scale = 1;
};

/// The adapters that an engine applies at present, found by matrix, with the memory to do so.
class ActiveAdapters {
 public:
  ActiveAdapters() = default;
  /// @param batch  most tokens of one call of add(). @throws Error(invalid_argument) for an adapter of
  /// another model, or a scale that is no finite number.
  ActiveAdapters(std::span<const AdapterUse> uses, const Model& model, std::int64_t batch);

  bool empty() const noexcept { return parts_.empty(); }
  /// Without those of scale 0.
  std::span<const AdapterUse> uses() const noexcept { return uses_; }

  /// y += what the adapters add to [parts] x, for `tokens` rows of x and y. Executed by every thread of a
  /// team; allocates nothing. Adapters are added in their order, and each token by itself, so that bits
  /// depend neither on threads nor on the batch.
  void add(ThreadTeam::Member& team, const kernels::Table& table, std::span<const Linear> parts,
           const float* x, std::int64_t x_stride, std::int64_t tokens, float* y,
           std::int64_t y_stride) const noexcept;

 private:
  struct Part {
    const LowRank* low_rank;
    float scale;  // of the adapter and of its use together
  };
  void add_part(ThreadTeam::Member& team, const kernels::Table& table, const Part& part, const Linear& matrix,
                const float* x, std::int64_t x_stride, std::int64_t tokens, float* y,
                std::int64_t y_stride) const noexcept;

  std::vector<AdapterUse> uses_;  // keeps alive what parts_ point into
  std::unordered_map<const Linear*, std::vector<Part>> parts_;
  std::int64_t max_rank_ = 0;
  mutable std::vector<float> reduced_;  // [batch, max_rank]: A x
};

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/adapter.ipp>
#endif
