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

/// Rows of a matrix that are packed and multiplied at a time where it stays in the file: whole groups of
/// every layout, and few enough for the second cache.
std::int64_t panel_rows(const TensorView& weight) noexcept;

/// Bytes of the largest panel of any matrix that can be packed.
std::int64_t panel_bytes(const Weights& weights, const kernels::Table& table);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/packing.ipp>
#endif
