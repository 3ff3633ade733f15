// cli/random_blocks.cpp - the bodies of random_blocks.hpp.
#include "random_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include <linnet/quant/convert.hpp>

namespace linnet::cli {

const std::vector<std::byte>& RandomBlocks::pool(DType type) {
  std::vector<std::byte>& pool = pools_[type];
  if (!pool.empty()) return pool;
  std::vector<float> values(pieces * piece_elements);
  // Box and Muller, 1958.
  for (std::size_t i = 0; i < values.size(); i += 2) {
    const double radius = std::sqrt(-2 * std::log(1 - random_.uniform()));
    const double angle = 2 * std::numbers::pi * random_.uniform();
    values[i] = deviation_ * static_cast<float>(radius * std::cos(angle));
    values[i + 1] = deviation_ * static_cast<float>(radius * std::sin(angle));
  }
  pool.resize(pieces * piece_bytes(type));
  quant::quantize(type, values, pool.data());
  return pool;
}

void RandomBlocks::fill(DType type, std::span<std::byte> data) {
  const std::vector<std::byte>& source = pool(type);
  const std::size_t bytes = piece_bytes(type);
  for (std::size_t at = 0; at < data.size(); at += bytes) {
    const std::size_t piece = random_.next() & (pieces - 1);
    std::memcpy(data.data() + at, source.data() + piece * bytes, std::min(bytes, data.size() - at));
  }
}

}  // namespace linnet::cli
