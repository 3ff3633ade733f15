// isa/amx.cpp - the kernels for AMX: those of AVX-512 VNNI for few tokens, tiles of bfloat16 for many. The
// only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_512vnni.hpp"

namespace linnet::kernels {
namespace {

/// What gives each tile register 16 rows of 64 bytes. Source: Intel SDM volume 1, chapter 18, TILECFG.
struct alignas(64) TileShape {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t bytes_of_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileShape) == 64);
constexpr TileShape tile_shape = {};

/// The eight tile registers of a thread. EmulatedTiles, in the tests, says the same in plain C++.
///
/// In assembly, since a register's number is a template parameter here, which the intrinsics of g++ cannot
/// take, and since those do not tell the compiler what they read: it may drop or delay writes before them.
struct AmxTiles {
  /// The registers have a shape between begin() and end() only.
  LINNET_ALWAYS_INLINE static void begin() { asm volatile("ldtilecfg %0" : : "m"(tile_shape)); }
  LINNET_ALWAYS_INLINE static void end() { asm volatile("tilerelease"); }

  template <int tile>
  LINNET_ALWAYS_INLINE static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(tile));
  }
  /// Not tileloaddt1, which spares the caches but takes 33 cycles instead of 8 (Intel's optimization manual).
  template <int tile>
  LINNET_ALWAYS_INLINE static void load(const void* from) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_bytes), "i"(tile) : "memory");
  }
  template <int tile>
  LINNET_ALWAYS_INLINE static void store(void* to) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(row_bytes), "i"(tile) : "memory");
  }
  /// sums[m, n] += sum over pairs of columns k of a[m, k] * b[k, n], a and b being bfloat16.
  template <int sums, int a, int b>
  LINNET_ALWAYS_INLINE static void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(a), "i"(b));
  }

 private:
  static constexpr std::int64_t row_bytes = 64;
};

struct Amx : Bytes512Vnni {
  static constexpr std::string_view name = "amx";
  using Tiles = AmxTiles;
  static constexpr std::int64_t tiled_from = 16;  // estimated from instruction counts; see docs/kernels.md
};

}  // namespace

extern constexpr Table amx_table = make_table<Amx>();

}  // namespace linnet::kernels
