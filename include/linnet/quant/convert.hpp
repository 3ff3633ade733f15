// quant/convert.hpp - rows of a tensor type that is known at run time, to floats and back. Never for a hot
// loop.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <linnet/base/dtype.hpp>

namespace linnet::quant {

/// Reads out.size() elements, a whole number of blocks, from `blocks`, which may lie at any address and do
/// not overlap `out`. Takes every type of Formats, and I8-I64 and F64 as the nearest floats.
/// @throws Error(unsupported) for other types, Error(invalid_argument) for a part of a block.
void dequantize(DType type, const std::byte* blocks, std::span<float> out);

/// Writes values.size() elements, a whole number of blocks, as byte_size(type, values.size()) bytes. Any
/// values are taken; NaN counts as 0 except in F32, F16 and BF16, and what lies beyond a type's reach becomes
/// its nearest value. The bytes are the same on every machine.
/// @param weights  how much the squared error of each value counts, from 0 to 2^20; empty: all alike. F32,
/// F16, BF16 and Q8_0, which do not search, pass over them.
/// @throws Error(unsupported) for types that are not in Formats, Error(invalid_argument) for a part of a
/// block, or weights that are neither none nor as many as values.
void quantize(DType type, std::span<const float> values, std::byte* blocks,
              std::span<const float> weights = {});

/// "F32, F16, ...": the names of Formats, for messages.
std::string computable_names();

}  // namespace linnet::quant

#ifdef LINNET_HEADER_ONLY
#include <linnet/quant/convert.ipp>
#endif
