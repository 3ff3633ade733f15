// emulated_tiles.cpp - AMX's tile kernels with the tile registers in plain memory: what surrounds the eight
// instructions is tested on every machine with AVX-512 VNNI. Compiled for it.
#include "../../kernels/isa/bytes_512vnni.hpp"
#include "../../kernels/make_table.hpp"

namespace linnet::kernels {
namespace {

/// See AmxTiles. Source: Intel SDM volume 2, TDPBF16PS. No function of the standard library: compiled for
/// AVX-512, it must not be the one that other objects use.
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
  /// Even and odd columns are added up apart. Source: Intel SDM volume 2, TDPBF16PS.
  template <int sums, int a, int b>
  static void dot() {
    const auto number = [](std::uint32_t bits) { return __builtin_bit_cast(float, bits); };
    for (int m = 0; m < 16; ++m)
      for (int n = 0; n < 16; ++n) {
        float even = 0, odd = 0;
        for (int k = 0; k < 16; ++k) {
          const std::uint32_t x = tiles[a][16 * m + k], w = tiles[b][16 * k + n];
          even = __builtin_fmaf(number(x << 16), number(w << 16), even);
          odd = __builtin_fmaf(number(x & 0xffff0000u), number(w & 0xffff0000u), odd);
        }
        std::uint32_t& sum = tiles[sums][16 * m + n];
        sum = __builtin_bit_cast(std::uint32_t, number(sum) + (even + odd));
      }
  }
};

struct EmulatedAmx : Bytes512Vnni {
  static constexpr std::string_view name = "emulated_amx";
  using Tiles = EmulatedTiles;
  static constexpr std::int64_t tiled_from = 1;
};

template <class... Format, class... CacheFormat>
constexpr Table make_tiled_table(quant::FormatList<Format...>, quant::FormatList<CacheFormat...>) {
  Table table;
  table.isa = EmulatedAmx::name;
  (add_tiled<EmulatedAmx, Format>(table), ...);
  (add_attention<EmulatedAmx, CacheFormat>(table), ...);
  return table;
}

}  // namespace

extern constexpr Table emulated_amx_table = make_tiled_table(quant::Formats{}, CacheFormats{});

}  // namespace linnet::kernels
