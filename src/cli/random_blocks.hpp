// cli/random_blocks.hpp - random weights of any type at the speed of memory. Never twice the same row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include <linnet/base/dtype.hpp>
#include <linnet/sampling/random.hpp>

namespace linnet::cli {

/// Draws weights from a normal distribution of mean 0. A thousand pieces of 256 weights are quantized once
/// for each type; tensors are filled with pieces chosen at random.
class RandomBlocks {
 public:
  RandomBlocks(std::uint64_t seed, float deviation) : random_(seed, 1), deviation_(deviation) {}

  /// Fills a part of a tensor's data: whole pieces, but for its last part.
  void fill(DType type, std::span<std::byte> data);

  /// Bytes of a piece.
  static std::size_t piece_bytes(DType type) {
    return static_cast<std::size_t>(byte_size(type, piece_elements));
  }

 private:
  static constexpr std::int64_t piece_elements = 256;  // a whole number of blocks of every type
  static constexpr std::size_t pieces = 1024;          // a power of two

  const std::vector<std::byte>& pool(DType type);

  sampling::Random random_;
  float deviation_;
  std::map<DType, std::vector<std::byte>> pools_;
};

}  // namespace linnet::cli
