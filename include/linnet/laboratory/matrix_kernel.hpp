// laboratory/matrix_kernel.hpp - one way to multiply weights of one type with tokens, whoever wrote it. Never
// measures one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/config.hpp>
#include <linnet/kernels/dispatch.hpp>

namespace linnet::laboratory {

/// A part of y[t, r] = sum over c of weights[r, c] * x[t, c].
struct ProductPart {
  const std::byte* weights;  // all rows, as pack() wrote them
  std::byte* x;              // all tokens, as prepare() wrote them
  std::int64_t cols, tokens;
  std::int64_t row_begin, row_end;  // row_begin a multiple of row_group(); row_end that, or the last row
  float* y;                         // [tokens, rows], rows y_stride apart; overwritten
  std::int64_t y_stride;
  std::byte* scratch;  // scratch_bytes(tokens) bytes of the calling thread's own, aligned to 64
};

/// What the laboratory asks of a kernel: its names, its weights' way from floats, and the product.
class MatrixKernel {
 public:
  MatrixKernel(std::string operation, std::string type, const kernels::Table& table, std::string isa)
      : operation(std::move(operation)), type(std::move(type)), isa(std::move(isa)), table(table) {}
  virtual ~MatrixKernel() = default;

  const std::string operation, type, isa;
  const kernels::Table& table;  // whose peak the kernel is compared with

  virtual std::int64_t block_length() const = 0;
  virtual std::int64_t block_bytes() const = 0;
  /// The largest rms error, against the float64 product of the same weights, that is no mistake, relative to
  /// the size of such products: |w| |x| / sqrt(columns).
  virtual double tolerance() const = 0;
  /// The largest relative rms error of normally distributed weights that come back from their blocks: two
  /// bits keep them within half of their size.
  virtual double most_block_error() const { return 0.5; }

  /// Whole blocks to floats and back.
  virtual void quantize(std::span<const float> values, std::byte* blocks) const = 0;
  virtual void dequantize(const std::byte* blocks, std::span<float> values) const = 0;

  /// The layout that multiply() reads, made of rows of blocks.
  virtual std::int64_t packed_bytes(std::int64_t rows, std::int64_t cols) const;
  virtual void pack(const std::byte* blocks, std::int64_t rows, std::int64_t cols, std::byte* packed) const;
  virtual std::int64_t row_group() const { return 1; }

  /// Tokens as multiply() reads them, from x [tokens, cols].
  virtual Buffer prepare(std::span<const float> x, std::int64_t cols, std::int64_t tokens) const;
  virtual std::int64_t scratch_bytes(std::int64_t tokens) const {
    static_cast<void>(tokens);
    return 0;
  }
  virtual void multiply(const ProductPart& part) const noexcept = 0;

  std::int64_t row_bytes(std::int64_t cols) const { return cols / block_length() * block_bytes(); }
};

/// The kernels of every table that this machine can run, for every tensor type: "matmul" on the file's blocks
/// in float, and "packed_matmul" and "tiled_matmul" where the table has them.
std::vector<std::shared_ptr<const MatrixKernel>> built_in_kernels();

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/matrix_kernel.ipp>
#endif
