// laboratory/check.hpp - whether a matrix kernel is right: odd shapes, parts of rows, and nothing written
// beside them. Never measures time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <linnet/laboratory/matrix_kernel.hpp>

namespace linnet::laboratory {

/// What is wrong with a kernel, a line for each finding; empty where all is well. For 1 to 17 and 33 rows, 1
/// to 17 tokens and several widths: the product is that of float64 within the kernel's tolerance; it is the
/// same to the bit in parts of rows; rows not asked for stay as they were; weights stay near what was
/// quantized.
std::vector<std::string> check(const std::shared_ptr<const MatrixKernel>& kernel);

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/check.ipp>
#endif
