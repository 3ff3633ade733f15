// ops/activations.hpp - activations as signed bytes with a scale for every 32, for integer products.
#pragma once

#include <linnet/kernels/table.hpp>

#include "vector.hpp"

namespace linnet::kernels {

/// The largest magnitude of n numbers, n a multiple of 16.
template <class V>
LINNET_ALWAYS_INLINE float largest_magnitude(const float* x, int n) {
  constexpr int lanes = 16, size = static_cast<int>(V::size);
  V largest[lanes / size];
  for (V& v : largest) v = V(0.0f);
  for (int i = 0; i < n; i += lanes)
    for (int v = 0; v < lanes / size; ++v) {
      const V value = V::load_unaligned(x + i + v * size);
      largest[v] = max(max(value, V(V(0.0f) - value)), largest[v]);
    }
  float all[lanes];
  for (int v = 0; v < lanes / size; ++v) largest[v].store_unaligned(all + v * size);
  for (int width = lanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) all[i] = all[i + width] > all[i] ? all[i + width] : all[i];
  return all[0];
}

/// One chunk of 32: bytes, their scale, and their sums over each half. Rounds to the nearest whole number,
/// ties to even, by pushing the fraction out of the mantissa.
template <class V>
LINNET_ALWAYS_INLINE void quantize_chunk(const float* x, std::int8_t* bytes, float& scale,
                                         std::int32_t (&sums)[2]) {
  constexpr float round_shift = 12582912.0f;  // 1.5 * 2^23
  const float largest = largest_magnitude<V>(x, 32);
  scale = largest / 127.0f;
  const V inverse(largest > 0 ? 127.0f / largest : 0.0f);
  float rounded[32];
  transform<V>(x, rounded, 32,
               [&](V value) { return V(V(V(value * inverse) + V(round_shift)) - V(round_shift)); });
  for (int half = 0; half < 2; ++half) {
    std::int32_t sum = 0;
    for (int i = 16 * half; i < 16 * half + 16; ++i) {
      const auto level = static_cast<std::int32_t>(rounded[i]);
      bytes[i] = static_cast<std::int8_t>(level);
      sum += level;
    }
    sums[half] = sum;
  }
}

template <class Isa>
void quantize_activations(const float* x, const Activations& to, std::int64_t token) noexcept {
  constexpr int piece = Isa::token_piece;
  const std::int64_t first = to.tile_start(token);
  const Activations::Tile tile = to.tile_at(first);
  for (std::int64_t c = 0; c < to.cols / 32; ++c) {
    const std::int64_t at = c * tile.width + token - first;
    std::int8_t bytes[32];
    std::int32_t sums[2];
    quantize_chunk<typename Isa::Vector>(x + 32 * c, bytes, tile.scales[at], sums);
    for (int i = 0; i < 32; i += piece)
      __builtin_memcpy(tile.bytes + tile.place(c, token - first, i, piece), bytes + i, piece);
    float* const half_sums = tile.half_sums + 2 * at;
    for (int half = 0; half < 2; ++half) {
      half_sums[half] = tile.scales[at] * static_cast<float>(sums[half]);
      tile.negated_half_sums[2 * at + half] = -sums[half];
    }
    tile.sums[at] = half_sums[0] + half_sums[1];
    tile.negated_sums[at] = -(sums[0] + sums[1]);
  }
}

}  // namespace linnet::kernels
