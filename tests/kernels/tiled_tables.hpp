// tests/kernels/tiled_tables.hpp - every table of the build that has tiles, real and emulated. Never a
// kernel.
#pragma once

#include <vector>

#include "tables.hpp"

namespace linnet::kernels {

#ifdef LINNET_EMULATED_TILES
extern const Table emulated_amx_table, emulated_lanes_table;
#endif

/// A table with tiles, and one that interleaves weights as it wants them.
struct Tiled {
  const Table* table;
  const Table* packing;
  bool available;
};

inline std::vector<Tiled> all_tiled() {
  std::vector<Tiled> out;
#ifdef LINNET_EMULATED_TILES
  out.push_back({&emulated_lanes_table, &emulated_lanes_table, true});
#endif
  for (const Choice& choice : choices()) {
    if (choice.table->tiled_from > 0) out.push_back({choice.table, choice.table, choice.available});
#ifdef LINNET_EMULATED_TILES
    if (choice.table->isa == "avx512vnni")
      out.push_back({&emulated_amx_table, choice.table, choice.available});
#endif
  }
  return out;
}

/// A test for each of these and tensor type; skipped where this machine cannot run it.
class OnEachTiled : public testing::TestWithParam<std::tuple<Tiled, DType>> {
 protected:
  void SetUp() override {
    if (!tiled().available) GTEST_SKIP() << "this machine cannot run " << table().isa;
  }
  Tiled tiled() const { return std::get<0>(GetParam()); }
  const Table& table() const { return *tiled().table; }
  DType type() const { return std::get<1>(GetParam()); }
};

/// "emulated_amx_Q4_K"
struct TiledName {
  std::string operator()(const testing::TestParamInfo<std::tuple<Tiled, DType>>& info) const {
    return concat(std::get<0>(info.param).table->isa, "_", to_string(std::get<1>(info.param)));
  }
};

}  // namespace linnet::kernels
