// laboratory/product.ipp - the body of product.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/machine.hpp>
#include <linnet/laboratory/product.hpp>
#include <linnet/laboratory/random_values.hpp>

namespace linnet::laboratory {

LINNET_INLINE Product::Product(std::shared_ptr<const MatrixKernel> kernel, MatrixShape shape,
                               std::int64_t tokens, Workspace& workspace)
    : kernel_(std::move(kernel)), shape_(shape), tokens_(tokens) {
  if (shape.cols % kernel_->block_length() != 0)
    fail(ErrorCode::invalid_argument, kernel_->type, ": expected a multiple of ", kernel_->block_length(),
         " columns, got ", shape.cols);
  fill(workspace);
  x_ = normal_values(tokens * shape.cols, 1, 2);
  y_.resize(static_cast<std::size_t>(tokens * shape.rows));
  prepared_ = kernel_->prepare(x_, shape.cols, tokens);
  constexpr std::size_t most_threads = 1024;
  scratch_.resize(most_threads);  // filled by those that are needed
  bytes = shape.rows * kernel_->row_bytes(shape.cols);
  operations = 2 * shape.rows * shape.cols * tokens;
  from_memory = copies_ * packed_bytes_ > last_cache_bytes() * 3 / 2;
}

LINNET_INLINE void Product::fill(Workspace& workspace) {
  const std::int64_t different = std::min(shape_.rows, different_rows);
  const std::int64_t row_bytes = kernel_->row_bytes(shape_.cols);
  values_ = normal_values(different * shape_.cols, 0.02f, 1);
  std::vector<std::byte> blocks(static_cast<std::size_t>(shape_.rows * row_bytes));
  kernel_->quantize(values_, blocks.data());
  kernel_->dequantize(blocks.data(), values_);
  for (std::int64_t row = different; row < shape_.rows; ++row)
    std::copy_n(blocks.data() + row % different * row_bytes, row_bytes, blocks.data() + row * row_bytes);

  constexpr std::int64_t line = 64;
  packed_bytes_ = (kernel_->packed_bytes(shape_.rows, shape_.cols) + line - 1) / line * line;
  copies_ = std::max<std::int64_t>(1, workspace.streaming_bytes / packed_bytes_);
  std::byte* const packed = workspace.reserve(copies_ * packed_bytes_);
  kernel_->pack(blocks.data(), shape_.rows, shape_.cols, packed);
  for (std::int64_t copy = 1; copy < copies_; ++copy)
    std::memcpy(packed + copy * packed_bytes_, packed, static_cast<std::size_t>(packed_bytes_));
  weights_ = packed;
}

LINNET_INLINE void Product::run_rows(std::int64_t begin, std::int64_t end, int member) noexcept {
  Buffer& scratch = scratch_[static_cast<std::size_t>(member)];
  const auto scratch_bytes = static_cast<std::size_t>(kernel_->scratch_bytes(tokens_));
  if (scratch.size() < scratch_bytes) scratch = Buffer(scratch_bytes);
  kernel_->multiply({.weights = weights_ + copy_ * packed_bytes_,
                     .x = prepared_.data(),
                     .cols = shape_.cols,
                     .tokens = tokens_,
                     .row_begin = begin,
                     .row_end = end,
                     .y = y_.data(),
                     .y_stride = shape_.rows,
                     .scratch = scratch.data()});
}

/// In chunks such as the engine's.
LINNET_INLINE void Product::run(ThreadTeam::Member& member) noexcept {
  constexpr std::int64_t chunks_per_thread = 8;
  const std::int64_t panel = (32 + kernel_->row_group() - 1) / kernel_->row_group() * kernel_->row_group();
  const std::int64_t grain =
      std::max(panel, shape_.rows / (chunks_per_thread * member.count()) / panel * panel);
  member.for_chunks(shape_.rows, grain,
                    [&](std::int64_t begin, std::int64_t end) { run_rows(begin, end, member.index()); });
}

LINNET_INLINE double Product::error() const {
  constexpr std::int64_t most_tokens = 4;
  const std::int64_t row_step = shape_.rows / 97 | 1;  // odd, to see every place in groups and tiles
  const std::int64_t token_step = tokens_ / most_tokens | 1;
  RelativeError error;
  for (std::int64_t t = 0; t < tokens_; t += token_step)
    for (std::int64_t r = 0; r < shape_.rows; r += row_step) {
      const float* const w = values_.data() + r % different_rows * shape_.cols;
      const float* const x = x_.data() + t * shape_.cols;
      double expected = 0, w_squares = 0, x_squares = 0;
      for (std::int64_t c = 0; c < shape_.cols; ++c) {
        const double weight = w[c], value = x[c];
        expected += weight * value, w_squares += weight * weight, x_squares += value * value;
      }
      error.add(static_cast<double>(y_[static_cast<std::size_t>(t * shape_.rows + r)]), expected,
                std::sqrt(w_squares * x_squares / static_cast<double>(shape_.cols)));
    }
  return error.value();
}

}  // namespace linnet::laboratory
