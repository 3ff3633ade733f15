// base/tensor.hpp - a typed view of tensor data that lies elsewhere. Never owns memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <linnet/base/dtype.hpp>
#include <linnet/base/error.hpp>

namespace linnet {

/// Extents in the order of GGUF: shape[0] is the contiguous dimension (a row's length). Unused dimensions
/// are 1.
using Shape = std::array<std::int64_t, 4>;

/// "[64, 32]": the dimensions up to the last that is not 1.
inline std::string to_string(const Shape& shape) {
  int last = 3;
  while (last > 0 && shape[static_cast<std::size_t>(last)] == 1) --last;
  std::string out = "[";
  for (int i = 0; i <= last; ++i) out += concat(i ? ", " : "", shape[static_cast<std::size_t>(i)]);
  return out + "]";
}

/// A tensor's data where it lies: rows of `cols()` elements, each a whole number of blocks, without gaps.
struct TensorView {
  DType type = DType::f32;
  Shape shape = {0, 1, 1, 1};
  const std::byte* data = nullptr;

  std::int64_t cols() const noexcept { return shape[0]; }
  std::int64_t rows() const noexcept { return shape[1] * shape[2] * shape[3]; }
  std::int64_t elements() const noexcept { return cols() * rows(); }
  std::int64_t row_bytes() const noexcept { return byte_size(type, cols()); }
  std::int64_t bytes() const noexcept { return row_bytes() * rows(); }
  explicit operator bool() const noexcept { return data != nullptr; }
};

}  // namespace linnet
