// laboratory/attention_experiment.hpp - attention over a paged cache as an experiment. Never chooses a
// kernel.
#pragma once

#include <vector>

#include <linnet/laboratory/experiment.hpp>

namespace linnet::laboratory {

/// The heads of one layer for the last tokens of a long sequence.
struct AttentionShape {
  std::int64_t kv_heads, heads_per_kv_head, head_dim, context;
};
/// Llama 3.2 1B at depth 4,096.
inline constexpr AttentionShape usual_attention = {8, 4, 64, 4096};

class AttentionExperiment : public Experiment {
 public:
  /// @param type   of the cache; the table has an attention kernel for it.
  /// @param tiled  on tile registers, if the table has those.
  AttentionExperiment(const kernels::Table& table, DType type, AttentionShape shape, std::int64_t tokens,
                      bool tiled, Workspace& workspace);

  void run(ThreadTeam::Member& member) noexcept override;
  void next() noexcept override { copy_ = (copy_ + 1) % copies_; }
  /// Against float64 on keys and values before they were rounded to the cache's type.
  double error() const override;

 private:
  void fill(Workspace& workspace);
  void attend(std::int64_t kv_head, std::int64_t token, std::int64_t count, float* scratch) noexcept;
  std::vector<double> expected(std::int64_t token, std::int64_t head) const;

  const kernels::Table& table_;
  DType type_;
  AttentionShape shape_;
  bool tiled_;
  std::int64_t tokens_, tokens_at_once_, copies_ = 1, copy_ = 0;
  std::int64_t side_bytes_;              // keys, or values, of one head in a page
  std::vector<float> keys_, values_;     // [context, kv_heads, head_dim]
  std::vector<float> q_, out_;           // [tokens, heads, head_dim]
  std::vector<const std::byte*> pages_;  // [copies, context / page_length]
  std::vector<Buffer> scratch_;          // of each thread
};

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/attention_experiment.ipp>
#endif
