// model/packing.hpp - puts the weights into the layout that the kernels read fastest. Never changes a weight.
#pragma once

#include <linnet/gguf/reader.hpp>
#include <linnet/kernels/table.hpp>
#include <linnet/model/weights.hpp>

namespace linnet {

/// Interleaves every matrix for which the table has a kernel, in memory with huge pages that takes the bytes
/// of the file (rows rounded up to a group), and drops the file's pages on the way: peak memory is that of
/// the packed weights and a few MiB. Matrices of float types stay where they are. Cost: reads all weights
/// once, at the speed of memory and disk.
/// @throws Error(out_of_memory).
void pack_weights(Weights& weights, const gguf::File& file, const kernels::Table& table, int threads);

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/model/packing.ipp>
#endif
