// emulated_tiles.cpp - AMX's tile kernels with the tile registers in plain memory: what surrounds the eight
// instructions is tested on every machine with AVX-512 VNNI. Compiled for it.
#include "emulated_tiles.hpp"

#include "../../kernels/isa/bytes_512vnni.hpp"

namespace linnet::kernels {
namespace {

struct EmulatedAmx : Bytes512Vnni {
  static constexpr std::string_view name = "emulated_amx";
  using Tiles = EmulatedTiles;
  static constexpr std::int64_t tiled_from = 1;
};

}  // namespace

extern constexpr Table emulated_amx_table = make_tiled_table<EmulatedAmx>(quant::Formats{}, CacheFormats{});

}  // namespace linnet::kernels
