// ops/activations.hpp - activations as signed bytes with a scale for every 32, for integer products.
#pragma once

#include <linnet/kernels/table.hpp>

#include "vector.hpp"

namespace linnet::kernels {

/// Rounds to the nearest whole number, ties to even, by pushing the fraction
/// out of the mantissa. For |x| < 2^22.
LINNET_ALWAYS_INLINE float round_small(float x) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23
  return x + shift - shift;
}

/// One chunk of 32: bytes, their scale, and their sums over each half.
LINNET_ALWAYS_INLINE void quantize_chunk(const float* x, std::int8_t* bytes, float& scale,
                                         std::int32_t (&sums)[2]) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) {
    const float magnitude = x[i] < 0 ? -x[i] : x[i];
    largest = magnitude > largest ? magnitude : largest;
  }
  scale = largest / 127.0f;
  const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
  for (int half = 0; half < 2; ++half) {
    sums[half] = 0;
    for (int i = 16 * half; i < 16 * half + 16; ++i) {
      const int q = static_cast<int>(round_small(x[i] * inverse));
      bytes[i] = static_cast<std::int8_t>(q);
      sums[half] += q;
    }
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
    quantize_chunk(x + 32 * c, bytes, tile.scales[at], sums);
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
