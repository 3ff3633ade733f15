// model/packing.hpp - puts the weights into the layout that the kernels read fastest. Never changes a weight.
#pragma once

#include <cstdint>
#include <functional>

#include <linnet/gguf/reader.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/weights.hpp>

namespace linnet {

/// Interleaves every matrix for which the table has a kernel, in memory with huge pages that takes the bytes
/// of the file (rows rounded up to a group), and drops the file's pages on the way: peak memory is that of
/// the packed weights and a few MiB. Matrices of float types stay where they are. Cost: reads all weights
/// once, at the speed of memory and disk.
/// @param should_stop  asked between pieces of the work, on the calling thread; may be empty
/// @throws Error(out_of_memory), Error(cancelled) where should_stop() was true.
void pack_weights(Weights& weights, const gguf::File& file, const kernels::Table& table, int threads,
                  const std::function<bool()>& should_stop = {});

/// Bytes of memory that pack_weights() takes for a matrix; 0 where it stays as it is.
std::int64_t packed_bytes(const TensorView& weight, const kernels::Table& table);

/// Rows that make whole groups in every layout.
inline constexpr std::int64_t whole_groups = 32;

/// Rows of a matrix that are packed and multiplied at a time where it stays in the file: as many whole_groups
/// as 128 KiB hold, which stay in the second cache, and one at least; no more than it takes for all.
std::int64_t rows_of_panel(const TensorView& weight) noexcept;

/// Bytes of the largest such panel of any matrix, a whole number of cache lines; 0 where none can be packed.
std::int64_t bytes_of_panel(const Weights& weights, const kernels::Table& table);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/packing.ipp>
#endif
