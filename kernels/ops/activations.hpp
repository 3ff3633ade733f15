// ops/activations.hpp - activations as signed bytes with a scale for every 32, for integer products.
#pragma once

#include <linnet/kernels/table.hpp>

#include "vector.hpp"

namespace linnet::kernels {

/// One chunk of 32: bytes, their scale, and their sums over each half. Where a value is infinite or no
/// number, the scale is no number and so is all that is computed with it, on every instruction set.
template <class Isa>
LINNET_ALWAYS_INLINE void quantize_chunk(const float* x, std::int8_t* bytes, float& scale,
                                         std::int32_t (&sums)[2]) {
  using V = typename Isa::Vector;
  constexpr int size = static_cast<int>(V::size), vectors = 32 / size;
  V values[vectors];
  V magnitude(0.0f), zeros(0.0f);  // zeros: or no numbers
  unroll<vectors>([&](auto v) __attribute__((always_inline)) {
    values[v] = V::load_unaligned(x + v * size);
    magnitude = max(max(values[v], V(V(0.0f) - values[v])), magnitude);
    zeros = zeros + V(values[v] - values[v]);
  });
  const float largest = Isa::largest(magnitude), zero = sum(zeros);
  scale = largest / 127.0f + zero;
  constexpr float least = 1e-36f;  // 127 / least is a number
  const V inverse(largest > least ? 127.0f / largest : 0.0f);
  unroll<vectors>([&](auto v) __attribute__((always_inline)) {
    values[v] = zero == 0 ? V(values[v] * inverse) : V(0.0f);
  });
  Isa::store_rounded(values, bytes, sums);
}

template <class Isa>
void quantize_activations(const float* x, const Activations& to, std::int64_t token, std::int64_t col_begin,
                          std::int64_t col_end) noexcept {
  constexpr int piece = Isa::token_piece;
  const std::int64_t first = to.tile_start(token);
  const Activations::Tile tile = to.tile_at(first);
  for (std::int64_t c = col_begin / 32; c < col_end / 32; ++c) {
    const std::int64_t at = c * tile.width + token - first;
    std::int8_t bytes[32];
    std::int32_t sums[2];
    quantize_chunk<Isa>(x + 32 * c, bytes, tile.scales[at], sums);
    for (int i = 0; i < 32; i += piece)
      __builtin_memcpy(tile.bytes + tile.place(c, token - first, i, piece), bytes + i, piece);
    float* const half_sums = tile.half_sums + 2 * at;
    for (int half = 0; half < 2; ++half) {
      half_sums[half] = tile.scales[at] * static_cast<float>(sums[half]);
      tile.half_starts[2 * at + half] = -Activations::least_half_offset * sums[half];
    }
    tile.sums[at] = half_sums[0] + half_sums[1];
    tile.starts[at] = -Activations::least_offset * (sums[0] + sums[1]);
  }
}

}  // namespace linnet::kernels
