// laboratory/own_kernel.hpp - somebody's kernel or tensor type, tested and measured beside the library's. The
// one header of the library whose function prints: it is the main function of a program.
#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include <linnet/laboratory/matrix_kernel.hpp>

namespace linnet::laboratory {

/// What somebody writes, all of it static:
///   name                          what the table calls the kernel, in the column of instruction sets
///   Block, block_length           a block of weights
///   quantize(x, block)            writes a block of the floats x[0 .. block_length)
///   dequantize(block, y)          writes those floats
///   dot(row, x, cols)             sum over c of row[c] * x[c]: one row of weights, `cols` of them, one token
/// and, where the defaults do not fit:
///   type                          what the table calls the tensor type; else `name`
///   tolerance                     as MatrixKernel::tolerance(); else 1e-3
///   block_error                   as MatrixKernel::most_block_error(); else 0.5
/// A struct that inherits from a tensor type of the library (quant/q4_0.hpp, ...) has all but name and dot.
/// A kernel that wants a layout of its own, activations of its own, or several tokens at once derives from
/// MatrixKernel instead.
template <class K>
concept OwnKernel = requires(const typename K::Block* row, typename K::Block& block, const float* x, float* y,
                             std::int64_t cols) {
  { K::name } -> std::convertible_to<std::string_view>;
  { K::block_length } -> std::convertible_to<std::int64_t>;
  K::quantize(x, block);
  K::dequantize(*row, y);
  { K::dot(row, x, cols) } -> std::same_as<float>;
  requires std::is_trivially_copyable_v<typename K::Block>;
};

namespace detail {

template <class K>
constexpr std::string_view type_name() {
  if constexpr (requires { K::type; }) return K::type;
  if constexpr (requires { K::dtype; }) return to_string(K::dtype);
  return K::name;
}

/// The face that the laboratory knows, over such a struct.
template <OwnKernel K>
class OwnMatrixKernel : public MatrixKernel {
 public:
  using Block = typename K::Block;

  OwnMatrixKernel()
      : MatrixKernel("matmul", std::string(type_name<K>()), kernels::active(), std::string(K::name)) {}
  std::int64_t block_length() const override { return K::block_length; }
  std::int64_t block_bytes() const override { return sizeof(Block); }
  double tolerance() const override {
    if constexpr (requires { K::tolerance; }) return K::tolerance;
    return 1e-3;
  }
  double most_block_error() const override {
    if constexpr (requires { K::block_error; }) return K::block_error;
    return MatrixKernel::most_block_error();
  }
  void quantize(std::span<const float> values, std::byte* blocks) const override {
    auto* block = reinterpret_cast<Block*>(blocks);
    for (std::size_t i = 0; i < values.size(); i += K::block_length) K::quantize(values.data() + i, *block++);
  }
  void dequantize(const std::byte* blocks, std::span<float> values) const override {
    const auto* block = reinterpret_cast<const Block*>(blocks);
    for (std::size_t i = 0; i < values.size(); i += K::block_length)
      K::dequantize(*block++, values.data() + i);
  }
  void multiply(const ProductPart& part) const noexcept override {
    const auto* const x = reinterpret_cast<const float*>(part.x);
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
      const auto* const blocks = reinterpret_cast<const Block*>(part.weights + row * row_bytes(part.cols));
      for (std::int64_t t = 0; t < part.tokens; ++t)
        part.y[t * part.y_stride + row] = K::dot(blocks, x + t * part.cols, part.cols);
    }
  }
};

}  // namespace detail

template <OwnKernel K>
std::shared_ptr<const MatrixKernel> own_kernel() {
  return std::make_shared<detail::OwnMatrixKernel<K>>();
}

/// A whole program: tests the kernels (see check.hpp), then measures the right ones beside the library's
/// kernels for the same types, and for Q4_0 and Q8_0. Returns its exit code, 0 only where every test passed
/// and every measured product was within the kernel's tolerance; errors are one line on standard error.
/// @param argc, argv  --json or --csv; --short (a small matrix and little time, for tests of the program);
///                    --threads N; --help
int run_laboratory(const std::vector<std::shared_ptr<const MatrixKernel>>& own, int argc, char** argv);

template <class... K>  // each is an OwnKernel; own_kernel() says what one lacks
int run_laboratory(int argc, char** argv) {
  return run_laboratory({own_kernel<K>()...}, argc, argv);
}

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/own_kernel.ipp>
#endif
