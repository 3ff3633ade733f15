// laboratory/vector_experiment.ipp - the body of vector_experiment.hpp.
#pragma once

#include <cmath>

#include <linnet/laboratory/random_values.hpp>
#include <linnet/laboratory/vector_experiment.hpp>

namespace linnet::laboratory {
namespace detail {

inline constexpr float norm_epsilon = 1e-5f;

inline void expect_rms_norm(const std::vector<double>& a, const std::vector<double>& b,
                            std::vector<double>& y) {
  double squares = 0;
  for (double v : a) squares += v * v;
  const double scale =
      1 / std::sqrt(squares / static_cast<double>(a.size()) + static_cast<double>(norm_epsilon));
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] * scale * b[i];
}

inline void expect_silu_gate(const std::vector<double>& a, const std::vector<double>& b,
                             std::vector<double>& y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] / (1 + std::exp(-a[i])) * b[i];
}

inline void expect_gelu_gate(const std::vector<double>& a, const std::vector<double>& b,
                             std::vector<double>& y) {
  const double root = std::sqrt(2 / std::acos(-1.0));
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = a[i] / 2 * (1 + std::tanh(root * (a[i] + 0.044715 * a[i] * a[i] * a[i]))) * b[i];
}

}  // namespace detail

LINNET_INLINE std::span<const VectorOperation> vector_operations() {
  using kernels::Table;
  static constexpr VectorOperation all[] = {
      {"rms_norm",
       [](const Table& table, const float* a, const float* b, std::int64_t n, float* y) noexcept {
         table.rms_norm(a, b, nullptr, detail::norm_epsilon, n, y);
       },
       detail::expect_rms_norm},
      {"silu_gate",
       [](const Table& table, const float* a, const float* b, std::int64_t n, float* y) noexcept {
         table.silu_gate(a, b, n, y);
       },
       detail::expect_silu_gate},
      {"gelu_gate",
       [](const Table& table, const float* a, const float* b, std::int64_t n, float* y) noexcept {
         table.gelu_gate(a, b, n, y);
       },
       detail::expect_gelu_gate},
  };
  return all;
}

LINNET_INLINE VectorExperiment::VectorExperiment(const kernels::Table& table,
                                                 const VectorOperation& operation, std::int64_t width,
                                                 std::int64_t tokens)
    : table_(table),
      operation_(operation),
      width_(width),
      tokens_(tokens),
      a_(normal_values(tokens * width, 1, 6)),
      b_(normal_values(width, 1, 7)),
      y_(a_.size()) {
  bytes = 2 * tokens * width * static_cast<std::int64_t>(sizeof(float));
}

LINNET_INLINE void VectorExperiment::run(ThreadTeam::Member& member) noexcept {
  member.for_chunks(tokens_, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      operation_.run(table_, a_.data() + t * width_, b_.data(), width_, y_.data() + t * width_);
  });
}

LINNET_INLINE double VectorExperiment::error() const {
  const std::vector<double> a(a_.begin(), a_.begin() + width_), b(b_.begin(), b_.end());
  std::vector<double> y(a.size());
  operation_.expect(a, b, y);
  RelativeError error;
  for (std::size_t i = 0; i < y.size(); ++i) error.add(static_cast<double>(y_[i]), y[i]);
  return error.value();
}

}  // namespace linnet::laboratory
