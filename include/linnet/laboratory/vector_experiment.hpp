// laboratory/vector_experiment.hpp - what happens to rows of activations between the matrix products, as
// experiments. Never chooses a kernel.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <linnet/laboratory/experiment.hpp>

namespace linnet::laboratory {

/// y [n] of rows a [n] and b [n], by a table's kernel and in float64.
struct VectorOperation {
  std::string_view name;
  void (*run)(const kernels::Table& table, const float* a, const float* b, std::int64_t n, float* y) noexcept;
  void (*expect)(const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& y);
};
std::span<const VectorOperation> vector_operations();

class VectorExperiment : public Experiment {
 public:
  VectorExperiment(const kernels::Table& table, const VectorOperation& operation, std::int64_t width,
                   std::int64_t tokens);
  void run(ThreadTeam::Member& member) noexcept override;
  double error() const override;

 private:
  const kernels::Table& table_;
  const VectorOperation& operation_;
  std::int64_t width_, tokens_;
  std::vector<float> a_, b_, y_;  // [tokens, width], [width], [tokens, width]
};

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/vector_experiment.ipp>
#endif
