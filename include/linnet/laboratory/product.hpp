// laboratory/product.hpp - a matrix product as an experiment. Never chooses a kernel.
#pragma once

#include <memory>
#include <vector>

#include <linnet/laboratory/experiment.hpp>

namespace linnet::laboratory {

/// The weights of a layer times some tokens. A few different rows are quantized and repeated, since
/// quantizing millions of weights takes longer than measuring; where the workspace has room for more bytes
/// than a cache, copies of the matrix are read in turn.
class Product : public Experiment {
 public:
  /// @throws Error(invalid_argument) where the columns are no whole blocks; Error(out_of_memory).
  Product(std::shared_ptr<const MatrixKernel> kernel, MatrixShape shape, std::int64_t tokens,
          Workspace& workspace);

  void run(ThreadTeam::Member& member) noexcept override;
  void next() noexcept override { copy_ = (copy_ + 1) % copies_; }
  double error() const override;

  /// Rows [begin, end) of the product alone, by one member of a team; and y [tokens, rows] as it is now.
  void run_rows(std::int64_t begin, std::int64_t end, int member = 0) noexcept;
  std::vector<float>& y() { return y_; }

 private:
  void fill(Workspace& workspace);

  static constexpr std::int64_t different_rows = 61;  // prime: no group of rows is like the next
  std::shared_ptr<const MatrixKernel> kernel_;
  MatrixShape shape_;
  std::int64_t tokens_, copies_ = 1, copy_ = 0, packed_bytes_ = 0;
  std::vector<float> values_;  // [min(rows, different_rows), cols]: what the blocks say
  std::vector<float> x_, y_;   // [tokens, cols], [tokens, rows]
  Buffer prepared_;
  std::vector<Buffer> scratch_;  // of each member
  const std::byte* weights_ = nullptr;
};

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/product.ipp>
#endif
