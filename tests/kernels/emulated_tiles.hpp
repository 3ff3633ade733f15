// tests/kernels/emulated_tiles.hpp - AMX's tile registers in plain memory. Never an instruction of any
// processor.
#pragma once

#include <string_view>

#include "../../kernels/make_table.hpp"

namespace linnet::kernels {
namespace {

/// See AmxTiles. No function of the standard library: compiled for AVX-512, it must not be the one that other
/// objects use.
struct EmulatedTiles {
  static inline thread_local std::uint32_t tiles[8][16 * 16];

  static void begin() {}
  static void end() {}
  template <int tile>
  static void zero() {
    __builtin_memset(tiles[tile], 0, sizeof tiles[tile]);
  }
  template <int tile>
  static void load(const void* from) {
    __builtin_memcpy(tiles[tile], from, sizeof tiles[tile]);
  }
  template <int tile>
  static void store(void* to) {
    __builtin_memcpy(to, tiles[tile], sizeof tiles[tile]);
  }
  /// Even and odd columns are added up apart. A product of two bfloat16 is a float, so that it does not
  /// matter whether it is fused with the sum. Source: Intel SDM volume 2, TDPBF16PS.
  template <int sums, int a, int b>
  static void dot() {
    const auto number = [](std::uint32_t bits) { return __builtin_bit_cast(float, bits); };
    for (int m = 0; m < 16; ++m) {
      float even[16] = {}, odd[16] = {};
      for (int k = 0; k < 16; ++k) {
        const std::uint32_t x = tiles[a][16 * m + k];
        for (int n = 0; n < 16; ++n) {
          const std::uint32_t w = tiles[b][16 * k + n];
          even[n] += number(x << 16) * number(w << 16);
          odd[n] += number(x & 0xffff0000u) * number(w & 0xffff0000u);
        }
      }
      for (int n = 0; n < 16; ++n) {
        std::uint32_t& sum = tiles[sums][16 * m + n];
        sum = __builtin_bit_cast(std::uint32_t, number(sum) + (even[n] + odd[n]));
      }
    }
  }
};

/// The kernels that use tiles.
template <class Isa, class... Format, class... CacheFormat>
constexpr Table make_tiled_table(quant::FormatList<Format...>, quant::FormatList<CacheFormat...>) {
  Table table;
  table.isa = Isa::name;
  (add_tiled<Isa, Format>(table), ...);
  (add_attention<Isa, CacheFormat>(table), ...);
  return table;
}

}  // namespace
}  // namespace linnet::kernels
