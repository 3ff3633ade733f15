// laboratory/check.ipp - the body of check.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include <linnet/base/error.hpp>
#include <linnet/laboratory/check.hpp>
#include <linnet/laboratory/product.hpp>
#include <linnet/laboratory/random_values.hpp>

namespace linnet::laboratory {
namespace detail {

/// Weights that come back from their blocks: two bits keep them within half of their size.
inline std::string check_blocks(const MatrixKernel& kernel) {
  const std::vector<float> values = normal_values(64 * kernel.block_length(), 0.02f, 8);
  std::vector<std::byte> blocks(static_cast<std::size_t>(64 * kernel.block_bytes()));
  std::vector<float> back(values.size());
  kernel.quantize(values, blocks.data());
  kernel.dequantize(blocks.data(), back);
  RelativeError error;
  for (std::size_t i = 0; i < values.size(); ++i)
    error.add(static_cast<double>(back[i]), static_cast<double>(values[i]));
  constexpr double most = 0.5;
  return error.value() < most ? "" : concat("blocks: weights come back with an error of ", error.value());
}

inline std::string check_product(const std::shared_ptr<const MatrixKernel>& kernel, MatrixShape shape,
                                 std::int64_t tokens) {
  const std::string where = concat(shape.rows, " rows x ", shape.cols, " columns, ", tokens, " tokens: ");
  Workspace workspace;
  Product product(kernel, shape, tokens, workspace);
  constexpr float untouched = -12345;
  std::vector<float>& y = product.y();
  std::fill(y.begin(), y.end(), untouched);
  product.run_rows(0, shape.rows);
  if (const double error = product.error(); !(error <= kernel->tolerance()))
    return concat(where, "an error of ", error, ", expected at most ", kernel->tolerance());

  const std::vector<float> whole = y;
  const std::int64_t group = kernel->row_group();
  std::fill(y.begin(), y.end(), untouched);
  for (std::int64_t begin = 0; begin < shape.rows; begin += 2 * group)  // every second group
    product.run_rows(begin, std::min(begin + group, shape.rows));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::int64_t row = static_cast<std::int64_t>(i) % shape.rows;
    const bool asked = row / group % 2 == 0;
    if (asked && y[i] != whole[i]) return concat(where, "row ", row, " is another in a part of the rows");
    if (!asked && y[i] != untouched) return concat(where, "row ", row, " was written and not asked for");
  }
  return "";
}

}  // namespace detail

LINNET_INLINE std::vector<std::string> check(const std::shared_ptr<const MatrixKernel>& kernel) {
  std::vector<std::string> found;
  const auto note = [&](std::string text) {
    if (!text.empty()) found.push_back(std::move(text));
  };
  note(detail::check_blocks(*kernel));
  const std::int64_t unit = std::max<std::int64_t>(kernel->block_length(), 32);
  const std::int64_t widths[] = {unit, 3 * unit, (1024 + unit - 1) / unit * unit};
  std::int64_t step = 0;  // through widths and tokens, whose counts have no common divisor with it
  for (std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 33})
    for (int i = 0; i < 3; ++i, ++step)
      note(detail::check_product(kernel, {rows, widths[step % 3]}, 1 + step * 5 % 17));
  return found;
}

}  // namespace linnet::laboratory
