// kernels/make_table.hpp - fills a kernel table for one instruction set from the templates in ops/ and the
// list of tensor types. Never names an instruction set.
#pragma once

#include <linnet/kernels/table.hpp>
#include <linnet/quant/formats.hpp>

#include "ops/activations.hpp"
#include "ops/attention.hpp"
#include "ops/elementwise.hpp"
#include "ops/limits.hpp"
#include "ops/matmul.hpp"
#include "ops/norm.hpp"
#include "ops/pack.hpp"
#include "ops/packed_matmul.hpp"
#include "ops/tiled_attention.hpp"
#include "ops/tiled_matmul.hpp"

namespace linnet::kernels {

/// The types that a key/value cache can have.
using CacheFormats = quant::FormatList<quant::F32, quant::F16, quant::BF16, quant::Q8_0>;

/// The entries for packed weights, where the format comes apart into whole numbers and the Isa multiplies
/// bytes.
template <class Isa, class Format>
constexpr void add_packed(Table& table) {
  if constexpr (quant::IntegerFormat<Format> && requires { Isa::rows; }) {
    table.token_tile = Isa::tokens;
    table.token_piece = Isa::token_piece;
    table.interleaved_rows = Isa::rows;
    table.interleave[static_cast<std::size_t>(Format::dtype)] = &pack<Isa, Format>;
    table.packed_matmul[static_cast<std::size_t>(Format::dtype)] = &packed_matmul<Isa, Format>;
    table.quantize_activations = &quantize_activations<Isa>;
  }
}

/// The entries for tile registers, where the Isa has them.
template <class Isa, class Format>
constexpr void add_tiled(Table& table) {
  if constexpr (quant::IntegerFormat<Format> && requires { typename Isa::Tiles; }) {
    table.tiled_from = Isa::tiled_from;
    table.tiled_matmul[static_cast<std::size_t>(Format::dtype)] = &tiled_matmul<Isa, Format>;
    table.tile_activations = &tile_activations<Isa>;
  }
}

template <class Isa, class CacheFormat>
constexpr void add_attention(Table& table) {
  table.attention[static_cast<std::size_t>(CacheFormat::dtype)] = &attention<Isa, CacheFormat>;
  if constexpr (requires { typename Isa::Tiles; })
    table.tiled_attention[static_cast<std::size_t>(CacheFormat::dtype)] = &tiled_attention<Isa, CacheFormat>;
}

/// An Isa is a type of internal linkage with `name` and `Vector`: everything instantiated on it is then
/// private to the object compiled for that instruction set.
template <class Isa, class... Format, class... CacheFormat>
constexpr Table make_table(quant::FormatList<Format...>, quant::FormatList<CacheFormat...>) {
  Table table;
  table.isa = Isa::name;
  ((table.matmul[static_cast<std::size_t>(Format::dtype)] = &matmul<Isa, Format>), ...);
  (add_packed<Isa, Format>(table), ...);
  (add_tiled<Isa, Format>(table), ...);
  (add_attention<Isa, CacheFormat>(table), ...);
  table.rms_norm = &rms_norm<Isa>;
  table.layer_norm = &layer_norm<Isa>;
  table.rope_interleaved = &rope_interleaved<Isa>;
  table.rope_halves = &rope_halves<Isa>;
  table.silu_gate = &silu_gate<Isa>;
  table.gelu_gate = &gelu_gate<Isa>;
  table.gelu = &gelu<Isa>;
  table.add_scaled = &add_scaled<Isa>;
  table.soft_cap = &soft_cap<Isa>;
  table.peak_operations = &peak_operations<Isa>;
  table.read_memory = &read_memory<Isa>;
  return table;
}

template <class Isa>
constexpr Table make_table() {
  return make_table<Isa>(quant::Formats{}, CacheFormats{});
}

}  // namespace linnet::kernels
