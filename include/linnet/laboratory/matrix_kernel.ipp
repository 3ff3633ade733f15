// laboratory/matrix_kernel.ipp - the body of matrix_kernel.hpp: the one place that knows how a table's matrix
// products are called.
#pragma once

#include <cstring>

#include <linnet/laboratory/matrix_kernel.hpp>
#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

namespace linnet::laboratory {

LINNET_INLINE std::int64_t MatrixKernel::packed_bytes(std::int64_t rows, std::int64_t cols) const {
  return rows * row_bytes(cols);
}

LINNET_INLINE void MatrixKernel::pack(const std::byte* blocks, std::int64_t rows, std::int64_t cols,
                                      std::byte* packed) const {
  std::memcpy(packed, blocks, static_cast<std::size_t>(rows * row_bytes(cols)));
}

LINNET_INLINE Buffer MatrixKernel::prepare(std::span<const float> x, std::int64_t, std::int64_t) const {
  Buffer copy(x.size_bytes());
  std::memcpy(copy.data(), x.data(), x.size_bytes());
  return copy;
}

namespace detail {

/// What a tensor type of the library brings.
class TypedKernel : public MatrixKernel {
 public:
  TypedKernel(std::string operation, const kernels::Table& table, DType type)
      : MatrixKernel(std::move(operation), std::string(to_string(type)), table, std::string(table.isa)),
        type_(type) {}
  std::int64_t block_length() const override { return info(type_).block_length; }
  std::int64_t block_bytes() const override { return info(type_).block_bytes; }
  void quantize(std::span<const float> values, std::byte* blocks) const override {
    quant::quantize(type_, values, blocks);
  }
  void dequantize(const std::byte* blocks, std::span<float> values) const override {
    quant::dequantize(type_, blocks, values);
  }

 protected:
  DType type_;
};

class FloatKernel : public TypedKernel {
 public:
  FloatKernel(const kernels::Table& table, DType type) : TypedKernel("matmul", table, type) {}
  double tolerance() const override { return 1e-5; }  // roundings of float sums
  void multiply(const ProductPart& part) const noexcept override {
    kernels::entry(table.matmul, type_)({.weights = part.weights,
                                         .row_bytes = row_bytes(part.cols),
                                         .cols = part.cols,
                                         .row_begin = part.row_begin,
                                         .row_end = part.row_end,
                                         .x = reinterpret_cast<const float*>(part.x),
                                         .x_stride = part.cols,
                                         .tokens = part.tokens,
                                         .y = part.y,
                                         .y_stride = part.y_stride});
  }
};

/// Weights in the table's own layout.
class InterleavedKernel : public TypedKernel {
 public:
  using TypedKernel::TypedKernel;
  std::int64_t row_group() const override { return table.interleaved_rows; }
  std::int64_t packed_bytes(std::int64_t rows, std::int64_t cols) const override {
    return (rows + row_group() - 1) / row_group() * row_group() * row_bytes(cols);
  }
  void pack(const std::byte* blocks, std::int64_t rows, std::int64_t cols, std::byte* packed) const override {
    kernels::entry(table.interleave, type_)(blocks, row_bytes(cols), cols, 0, rows, packed);
  }
};

class PackedKernel : public InterleavedKernel {
 public:
  PackedKernel(const kernels::Table& table, DType type) : InterleavedKernel("packed_matmul", table, type) {}
  double tolerance() const override { return 0.03; }  // activations are rounded to bytes
  Buffer prepare(std::span<const float> x, std::int64_t cols, std::int64_t tokens) const override {
    Buffer bytes(static_cast<std::size_t>(kernels::Activations::bytes(cols, tokens)));
    const kernels::Activations to{bytes.data(), cols, tokens, table.token_tile};
    for (std::int64_t t = 0; t < tokens; ++t) table.quantize_activations(x.data() + t * cols, to, t, 0, cols);
    return bytes;
  }
  void multiply(const ProductPart& part) const noexcept override {
    kernels::entry(table.packed_matmul, type_)({.weights = part.weights,
                                                .row_begin = part.row_begin,
                                                .row_end = part.row_end,
                                                .x = {part.x, part.cols, part.tokens, table.token_tile},
                                                .y = part.y,
                                                .y_stride = part.y_stride});
  }
};

class TiledKernel : public InterleavedKernel {
 public:
  TiledKernel(const kernels::Table& table, DType type) : InterleavedKernel("tiled_matmul", table, type) {}
  double tolerance() const override { return 0.02; }  // weights and activations become bfloat16
  Buffer prepare(std::span<const float> x, std::int64_t cols, std::int64_t tokens) const override {
    Buffer bytes(static_cast<std::size_t>(kernels::TiledActivations::bytes(cols, tokens)));
    const kernels::TiledActivations to{bytes.data(), cols, tokens};
    for (std::int64_t t = 0; t < tokens; ++t) table.tile_activations(x.data() + t * cols, to, t);
    return bytes;
  }
  std::int64_t scratch_bytes(std::int64_t tokens) const override {
    return kernels::TiledMatmulArgs::scratch_bytes(tokens);
  }
  void multiply(const ProductPart& part) const noexcept override {
    kernels::entry(table.tiled_matmul, type_)({.weights = part.weights,
                                               .row_begin = part.row_begin,
                                               .row_end = part.row_end,
                                               .x = {part.x, part.cols, part.tokens},
                                               .y = part.y,
                                               .y_stride = part.y_stride,
                                               .scratch = part.scratch});
  }
};

}  // namespace detail

LINNET_INLINE std::vector<std::shared_ptr<const MatrixKernel>> built_in_kernels() {
  std::vector<std::shared_ptr<const MatrixKernel>> all;
  for (const kernels::Choice& choice : kernels::choices()) {
    if (!choice.available) continue;
    const kernels::Table& table = *choice.table;
    quant::for_each_format([&]<class Format>() {
      if (kernels::entry(table.packed_matmul, Format::dtype))
        all.push_back(std::make_shared<detail::PackedKernel>(table, Format::dtype));
      if (kernels::entry(table.tiled_matmul, Format::dtype))
        all.push_back(std::make_shared<detail::TiledKernel>(table, Format::dtype));
      if (kernels::entry(table.matmul, Format::dtype))
        all.push_back(std::make_shared<detail::FloatKernel>(table, Format::dtype));
    });
  }
  return all;
}

}  // namespace linnet::laboratory
