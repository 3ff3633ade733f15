// kernels/table.hpp - what one instruction set offers: a struct of function
// pointers. Contains no vector code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <linnet/base/dtype.hpp>
#include <linnet/kernels/kv_page.hpp>

namespace linnet::kernels {

// Every kernel is noexcept, allocates nothing, works on the calling thread alone, and gives bits that depend
// on its arguments only. What is computed for one token does not depend on the other tokens of the call.
// Shapes are written [outer, inner], inner contiguous; a stride counts elements between two outer rows.

/// y[t, r] = sum over c of weights[r, c] * x[t, c], for the rows row_begin <= r < row_end and all tokens.
struct MatmulArgs {
  const std::byte* weights;  // [rows, cols] in the blocks of the kernel's type
  std::int64_t row_bytes;    // from one row of weights to the next
  std::int64_t cols;         // a multiple of the block length
  std::int64_t row_begin, row_end;
  const float* x;  // [tokens, cols], rows x_stride apart
  std::int64_t x_stride;
  std::int64_t tokens;
  float* y;  // [tokens, rows], rows y_stride apart; overwritten; must not overlap x
  std::int64_t y_stride;
};

/// Activations as signed bytes: x[i] is about scale * byte, with one scale for every chunk of 32 columns.
///
/// Tokens lie in tiles, since a kernel unpacks weights once for all tokens of a tile: as many of `tile`
/// tokens as there are, then one of as many fours as are left, then tiles of one. A tile holds, for each
/// chunk in turn, its tokens four by four (a tile of one: alone): the 32 bytes of each, in pieces of
/// Table::token_piece, the first piece of every token, then the second of every token, and so on. Then
/// likewise by chunk and token the scales, the sums of the bytes times their scale, and where the sum of a
/// group's products starts: at what takes off again what levels are too large by, for the least that they
/// are.
struct Activations {
  std::byte* data;    // bytes(cols, tokens) bytes, aligned to 64; the caller's
  std::int64_t cols;  // a multiple of 32
  std::int64_t tokens;
  int tile;  // Table::token_tile, a multiple of 4

  /// The least offset of levels in groups of 32 and of 16 columns: Q4_0's and Q3_K's.
  static constexpr int least_offset = 8, least_half_offset = 4;

  static constexpr std::int64_t token_bytes(std::int64_t cols) noexcept {
    constexpr std::int64_t alignment = 64, numbers_of_chunk = 8;
    return (cols + 4 * numbers_of_chunk * (cols / 32) + alignment - 1) / alignment * alignment;
  }
  static constexpr std::int64_t bytes(std::int64_t cols, std::int64_t tokens) noexcept {
    return tokens * token_bytes(cols);
  }

  /// The tile that starts with this token.
  struct Tile {
    std::int8_t* bytes;         // [cols / 32][width / 4][32 / piece][4][piece]
    float* scales;              // [cols / 32][width]
    float* sums;                // [cols / 32][width]
    float* half_sums;           // [cols / 32][width][2]: over the first 16 columns and the others
    std::int32_t* starts;       // [cols / 32][width]: sums of bytes times -least_offset
    std::int32_t* half_starts;  // [cols / 32][width][2]: likewise times -least_half_offset
    int width;

    /// Where a column of a chunk lies among the bytes.
    constexpr std::int64_t place(std::int64_t chunk, std::int64_t token, int column,
                                 int piece) const noexcept {
      const std::int64_t together = width < 4 ? 1 : 4;
      return (chunk * width + token / together * together) * 32 + column / piece * piece * together +
             token % together * piece + column % piece;
    }
  };
  constexpr int width_at(std::int64_t first) const noexcept {
    const std::int64_t left = tokens - first;
    return left >= tile ? tile : left >= 4 ? static_cast<int>(left / 4 * 4) : 1;
  }
  Tile tile_at(std::int64_t first) const noexcept {
    const int width = width_at(first);
    std::byte* const start = data + first * token_bytes(cols);
    auto* const floats = reinterpret_cast<float*>(start + width * cols);
    auto* const integers = reinterpret_cast<std::int32_t*>(start + width * cols);
    const std::int64_t chunks = width * (cols / 32);
    return {reinterpret_cast<std::int8_t*>(start),
            floats,
            floats + chunks,
            floats + 2 * chunks,
            integers + 4 * chunks,
            integers + 5 * chunks,
            width};
  }
  /// How many tiles there are, and the first token of each.
  constexpr std::int64_t tiles() const noexcept {
    return tokens / tile + (tokens % tile >= 4 ? 1 : 0) + tokens % 4;
  }
  constexpr std::int64_t tile_first(std::int64_t index) const noexcept {
    const std::int64_t wide = tiles() - tokens % 4;
    return index < wide ? index * tile : tokens / 4 * 4 + index - wide;
  }
  /// The first token of the tile that holds this one.
  constexpr std::int64_t tile_start(std::int64_t token) const noexcept {
    const std::int64_t whole = tokens / tile * tile;
    if (token < whole) return token / tile * tile;
    return token < tokens / 4 * 4 ? whole : token;
  }
};

/// y[t, r] = sum over c of weights[r, c] * x[t, c], with weights interleaved by the same table's Interleave.
struct PackedMatmulArgs {
  const std::byte* weights;  // from row 0 on, in groups of Table::interleaved_rows
  std::int64_t row_begin,
      row_end;  // row_begin a multiple of Table::interleaved_rows; row_end that,
                // or the last row
  Activations x;
  float* y;  // [x.tokens, rows], rows y_stride apart; overwritten
  std::int64_t y_stride;
};

/// Activations as bfloat16, in tiles of 16 tokens by 32 columns: [tokens / 16, rounded up][cols /
/// 32][16][32].
struct TiledActivations {
  std::byte* data;    // bytes(cols, tokens) bytes, aligned to 64; the caller's
  std::int64_t cols;  // a multiple of 32
  std::int64_t tokens;

  static constexpr std::int64_t tile_bytes = 1024;
  static constexpr std::int64_t bytes(std::int64_t cols, std::int64_t tokens) noexcept {
    return (tokens + 15) / 16 * (cols / 32) * tile_bytes;
  }
};

/// PackedMatmulArgs for tile registers. Weights become bfloat16 as activations are; sums are floats.
struct TiledMatmulArgs {
  const std::byte* weights;
  std::int64_t row_begin, row_end;
  TiledActivations x;
  float* y;
  std::int64_t y_stride;
  std::byte* scratch;  // scratch_bytes(x.tokens), aligned to 64

  // Weights are unpacked in panels of 32 rows; sums stay in scratch for a block of rows and tokens.
  static constexpr std::int64_t panel_cols = 256, panel_bytes = 2 * 32 * panel_cols;
  static constexpr std::int64_t block_rows = 256, block_tokens = 512;
  static constexpr std::int64_t scratch_bytes(std::int64_t tokens) noexcept {
    const std::int64_t most = tokens < block_tokens ? (tokens + 31) / 32 * 32 : block_tokens;
    return 2 * panel_bytes + block_rows * most * static_cast<std::int64_t>(sizeof(float));
  }
};

/// Streaming softmax attention of the query heads that share one key/value head, for neighbouring tokens of a
/// sequence. out[t, h] = sum over p of softmax_p(cap(scale * q[t, h] . K[p])) * V[p], for the positions p
/// that token t sees: p < key_end + t, and p >= key_end + t - window where there is a window; with cap(s) =
/// soft_cap * tanh(s / soft_cap), or s where soft_cap is 0.
struct AttentionArgs {
  const float* q;  // [tokens, heads, head_dim], tokens q_stride apart
  std::int64_t q_stride;
  std::int64_t tokens;
  std::int64_t heads;  // query heads of the group
  std::int64_t head_dim;
  const std::byte* const*
      pages;  // position p lies in pages[p / page_length] (kv_page.hpp), null where no token sees it
  std::int64_t k_offset, v_offset;  // where this head's keys and values start in a page
  std::int64_t key_end;             // one more than the position of the first token
  std::int64_t window;              // positions that a token sees, its own included; 0: all before it
  float scale;
  float soft_cap;
  float* out;  // [tokens, heads, head_dim], tokens out_stride apart; overwritten; must not overlap q
  std::int64_t out_stride;
  float* scratch;  // attention_scratch(...) floats, or tiled_attention_scratch(...)
};

/// Floats of scratch that an attention kernel needs for tokens * heads queries: a page of keys and of values;
/// and for every query a page of scores and the softmax so far, of which the total is kept in 16 lanes.
constexpr std::int64_t attention_scratch(std::int64_t queries, std::int64_t row_length) noexcept {
  constexpr std::int64_t softmax = 16 + 2;
  return 2 * page_length * row_length + queries * (page_length + softmax);
}

/// Queries that lie in one tile, positions that are scored at once, and the queries of a call that make up
/// for unpacking those: it then costs a quarter of what the softmax does.
inline constexpr std::int64_t tiled_attention_queries = 16, tiled_attention_block = 128,
                              most_tiled_queries = 256;

/// Floats of scratch, aligned to 64 bytes, that attention on tile registers needs for so many queries; never
/// fewer than attention_scratch().
constexpr std::int64_t tiled_attention_scratch(std::int64_t queries, std::int64_t row_length) noexcept {
  const std::int64_t rows =
      (queries + tiled_attention_queries - 1) / tiled_attention_queries * tiled_attention_queries;
  const std::int64_t dims = (row_length + 31) / 32 * 32;
  const std::int64_t scores = 3 * tiled_attention_queries * tiled_attention_block;
  const std::int64_t of_queries = rows * (dims + dims / 2 + 17);  // sums, queries, the softmax so far
  return (page_length + tiled_attention_block) * dims + scores + of_queries;
}

using Matmul = void (*)(const MatmulArgs&) noexcept;
using PackedMatmul = void (*)(const PackedMatmulArgs&) noexcept;
/// Interleaves rows [row_begin, row_end) of weights for a PackedMatmul;
/// row_begin is a multiple of interleaved_rows. `packed` is where row 0 goes:
/// the rows' bytes in the file, the last group filled up with zero rows.
using Interleave = void (*)(const std::byte* weights, std::int64_t row_bytes, std::int64_t cols,
                            std::int64_t row_begin, std::int64_t row_end, std::byte* packed) noexcept;
/// Writes one token's activations x[col_begin, col_end), both multiples of 32, into their place; x is the
/// whole row. The error of a value is at most half a scale. Tokens of a tile share cache lines, columns 32
/// apart do not.
using QuantizeActivations = void (*)(const float* x, const Activations& to, std::int64_t token,
                                     std::int64_t col_begin, std::int64_t col_end) noexcept;
using TiledMatmul = void (*)(const TiledMatmulArgs&) noexcept;
/// Writes one token's activations, x [cols], into their place.
using TileActivations = void (*)(const float* x, const TiledActivations& to, std::int64_t token) noexcept;
using Attention = void (*)(const AttentionArgs&) noexcept;
/// y = x / sqrt(mean(x^2) + eps) * weight (+ bias). weight and bias may be null (ones, zeros); y may be x.
/// Source: Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
using Norm = void (*)(const float* x, const float* weight, const float* bias, float eps, std::int64_t n,
                      float* y) noexcept;
/// Rotates the first 2 * pairs values of one head in place by the angles whose
/// cosines and sines are given [pairs]. Source: Su et al., RoFormer, 2021.
using Rope = void (*)(float* head, const float* cosine, const float* sine, std::int64_t pairs) noexcept;
/// y[i] = activation(gate[i]) * up[i]; y may be gate or up.
using Gate = void (*)(const float* gate, const float* up, std::int64_t n, float* y) noexcept;
/// y[i] = f(y[i]).
using Map = void (*)(float* y, std::int64_t n) noexcept;
/// y[i] += scale * x[i].
using AddScaled = void (*)(const float* x, float scale, std::int64_t n, float* y) noexcept;
/// y[i] = cap * tanh(y[i] / cap).
using SoftCap = void (*)(float* y, float cap, std::int64_t n) noexcept;
/// Multiplies in registers, with the instruction that multiplies weights best, and returns how many
/// multiplications and additions that were: the peak that other kernels are measured against.
using PeakOperations = std::int64_t (*)(std::int64_t rounds) noexcept;
/// Adds up memory, a multiple of 4 KiB of floats, as fast as it comes.
using ReadMemory = float (*)(const std::byte* data, std::int64_t bytes) noexcept;

/// All kernels of one instruction set. Tables are constants; one is chosen at start (see dispatch.hpp).
struct Table {
  std::string_view isa;
  std::array<Matmul, dtype_count> matmul{};          // null for types that quant/formats.hpp does not list
  int token_tile = 1;                                // see Activations
  int token_piece = 32;                              // see Activations
  int interleaved_rows = 1;                          // rows of a group of packed weights
  std::array<Interleave, dtype_count> interleave{};  // null for float types
  std::array<PackedMatmul, dtype_count> packed_matmul{};
  QuantizeActivations quantize_activations = nullptr;
  std::int64_t tiled_from = 0;  // tokens from which tiles are faster; 0: there are none
  std::array<TiledMatmul, dtype_count> tiled_matmul{};
  TileActivations tile_activations = nullptr;
  std::array<Attention, dtype_count> attention{};  // by the type of the key/value cache; null where it cannot
                                                   // be one
  std::array<Attention, dtype_count> tiled_attention{};  // as attention; null where there are no tiles
  Norm rms_norm = nullptr;
  Norm layer_norm = nullptr;        // (x - mean) / sqrt(variance + eps) * weight +
                                    // bias; Ba et al., 2016
  Rope rope_interleaved = nullptr;  // rotates (x[2i], x[2i + 1])
  Rope rope_halves = nullptr;       // rotates (x[i], x[i + pairs])
  Gate silu_gate = nullptr;
  Gate gelu_gate = nullptr;  // GELU in its tanh form; Hendrycks and Gimpel, 2016
  Map gelu = nullptr;
  AddScaled add_scaled = nullptr;
  SoftCap soft_cap = nullptr;
  PeakOperations peak_operations = nullptr;
  ReadMemory read_memory = nullptr;
};

/// The entry of a per-type array.
template <class Entry>
constexpr Entry entry(const std::array<Entry, dtype_count>& entries, DType type) noexcept {
  return entries[static_cast<std::size_t>(type)];
}

}  // namespace linnet::kernels
