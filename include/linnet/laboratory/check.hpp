// laboratory/check.hpp - whether a matrix kernel is right: odd shapes, extreme values, parts of rows, several
// threads, and nothing read or written beside its data. Never measures time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <linnet/laboratory/matrix_kernel.hpp>

namespace linnet::laboratory {

/// What is wrong with a kernel, a line for each finding; empty where all is well. In every combination of 1
/// to 17 and 33 rows, 1 to 17 tokens and three widths, each element of the product is that of float64 within
/// the kernel's tolerance; it is the same to the bit in parts of rows and with several threads; rows not
/// asked for, and what lies around the product, stay as they were. Among the values are blocks and tokens of
/// zeros and, in a few shapes, constant and alternating ones at full magnitude. Weights stay near what was
/// quantized. Ends early where much is wrong, or something was written outside.
std::vector<std::string> check(const std::shared_ptr<const MatrixKernel>& kernel);

/// The relative rms error of normally distributed weights that went into blocks and came back.
double block_error(const MatrixKernel& kernel);

}  // namespace linnet::laboratory

#ifdef LINNET_HEADER_ONLY
#include <linnet/laboratory/check.ipp>
#endif
