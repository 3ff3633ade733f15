// kernels.cpp - the kernels of any instruction set on NumPy arrays, for tests in Python. Never fast for its
// own sake.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <linnet/base/buffer.hpp>
#include <linnet/base/printable.hpp>
#include <linnet/kernels/dispatch.hpp>
#include <linnet/model/rope.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

using kernels::entry;
using kernels::Table;

/// The table of this name, or the active one for "".
const Table& table_of(const std::string& isa) {
  return isa.empty() ? kernels::active() : kernels::find_table(isa);
}

template <class Kernel>
Kernel need(Kernel kernel, std::string_view what, DType type, const Table& table) {
  if (kernel) return kernel;
  fail(ErrorCode::unsupported, table.isa, " has no ", what, " for ", to_string(type));
}

void need_equal(std::int64_t found, std::int64_t expected, std::string_view what) {
  if (found != expected) fail(ErrorCode::invalid_argument, what, ": expected ", expected, ", found ", found);
}

/// A matrix in the blocks of its type.
struct Matrix {
  Bytes bytes;
  DType type;
  std::int64_t rows, row_bytes, cols;
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(bytes.data()); }
};

Matrix to_matrix(const py::object& weights, const std::string& type_name) {
  const DType type = to_dtype(type_name);
  Bytes bytes = to_bytes(weights, "weights", 2);
  const std::int64_t row_bytes = bytes.shape(1);
  if (row_bytes % info(type).block_bytes != 0)
    fail(ErrorCode::invalid_argument, "weights: expected rows of whole blocks of ", info(type).block_bytes,
         " bytes, found ", row_bytes);
  const std::int64_t cols = row_bytes / info(type).block_bytes * info(type).block_length;
  const std::int64_t rows = bytes.shape(0);
  return {std::move(bytes), type, rows, row_bytes, cols};
}

void multiply(const Table& table, const Matrix& w, const Floats& x, float* y) {
  need(entry(table.matmul, w.type), "matrix product", w.type, table)({.weights = w.data(),
                                                                      .row_bytes = w.row_bytes,
                                                                      .cols = w.cols,
                                                                      .row_begin = 0,
                                                                      .row_end = w.rows,
                                                                      .x = x.data(),
                                                                      .x_stride = w.cols,
                                                                      .tokens = x.shape(0),
                                                                      .y = y,
                                                                      .y_stride = w.rows});
}

/// The rows interleaved as the table's kernels want them.
Buffer interleave(const Table& table, const Matrix& w) {
  const auto kernel = need(entry(table.interleave, w.type), "packed form", w.type, table);
  if (w.cols % 32 != 0)
    fail(ErrorCode::invalid_argument, "columns: expected a multiple of 32, found ", w.cols);
  const std::int64_t group = table.interleaved_rows;
  Buffer packed(static_cast<std::size_t>((w.rows + group - 1) / group * group * w.row_bytes));
  kernel(w.data(), w.row_bytes, w.cols, 0, w.rows, packed.data());
  return packed;
}

void multiply_bytes(const Table& table, const Matrix& w, const Floats& x, float* y) {
  const auto product = need(entry(table.packed_matmul, w.type), "product with bytes", w.type, table);
  const Buffer packed = interleave(table, w);
  const std::int64_t tokens = x.shape(0);
  Buffer bytes(static_cast<std::size_t>(kernels::Activations::bytes(w.cols, tokens)));
  const kernels::Activations activations{bytes.data(), w.cols, tokens, table.token_tile};
  for (std::int64_t t = 0; t < tokens; ++t)
    table.quantize_activations(x.data() + t * w.cols, activations, t, 0, w.cols);
  product({.weights = packed.data(),
           .row_begin = 0,
           .row_end = w.rows,
           .x = activations,
           .y = y,
           .y_stride = w.rows});
}

void multiply_tiles(const Table& table, const Matrix& w, const Floats& x, float* y) {
  const auto product = need(entry(table.tiled_matmul, w.type), "product on tiles", w.type, table);
  const Buffer packed = interleave(table, w);
  const std::int64_t tokens = x.shape(0);
  Buffer tiles(static_cast<std::size_t>(kernels::TiledActivations::bytes(w.cols, tokens)));
  Buffer scratch(static_cast<std::size_t>(kernels::TiledMatmulArgs::scratch_bytes(tokens)));
  const kernels::TiledActivations activations{tiles.data(), w.cols, tokens};
  for (std::int64_t t = 0; t < tokens; ++t) table.tile_activations(x.data() + t * w.cols, activations, t);
  product({.weights = packed.data(),
           .row_begin = 0,
           .row_end = w.rows,
           .x = activations,
           .y = y,
           .y_stride = w.rows,
           .scratch = scratch.data()});
}

using Product = void (*)(const Table&, const Matrix&, const Floats&, float*);

Product product_of(const std::string& activations) {
  if (activations == "float32") return multiply;
  if (activations == "int8") return multiply_bytes;
  if (activations == "bfloat16") return multiply_tiles;
  fail(ErrorCode::invalid_argument, "activations: expected \"float32\", \"int8\" or \"bfloat16\", got ",
       in_quotes(activations));
}

/// y [tokens, rows] = x [tokens, cols] times the transpose of weights [rows, row bytes].
Floats matmul(const py::object& weights, const std::string& type, const py::object& x,
              const std::string& activations, const std::string& isa) {
  const Table& table = table_of(isa);
  const Product product = product_of(activations);
  const Matrix w = to_matrix(weights, type);
  const Floats in = to_floats(x, "x", 2);
  need_equal(in.shape(1), w.cols, "columns of x");
  Floats y = new_floats({in.shape(0), w.rows});
  float* const out = y.mutable_data();
  std::fill_n(out, y.size(), 0.0f);
  if (w.rows == 0 || w.cols == 0 || in.shape(0) == 0) return y;
  run_unlocked([&] { product(table, w, in, out); });
  return y;
}

/// The pages of one key/value head.
struct Pages {
  Buffer memory;
  std::vector<std::byte*> pages;
  std::int64_t value_offset;
};

Pages fill_pages(DType type, const Floats& keys, const Floats& values, std::int64_t head) {
  const std::int64_t positions = keys.shape(0), heads = keys.shape(1), dim = keys.shape(2);
  const std::int64_t part = kernels::page_length * byte_size(type, kernels::page_row_length(type, dim));
  const std::int64_t count = (positions + kernels::page_length - 1) / kernels::page_length;
  Pages result{Buffer(static_cast<std::size_t>(2 * part * count)), {}, part};
  for (std::int64_t p = 0; p < count; ++p) result.pages.push_back(result.memory.data() + 2 * part * p);
  for (std::int64_t p = 0; p < positions; ++p) {
    std::byte* const page = result.pages[static_cast<std::size_t>(p / kernels::page_length)];
    const std::int64_t at = (p * heads + head) * dim;
    kernels::store_key(type, keys.data() + at, dim, page, p % kernels::page_length);
    kernels::store_value(type, values.data() + at, dim, page + part, p % kernels::page_length);
  }
  return result;
}

/// out [tokens, heads, dim]; the last query stands at the last position.
Floats attention(const py::object& queries, const py::object& keys, const py::object& values, float scale,
                 const py::object& window, float soft_cap, const std::string& cache_type,
                 const std::string& isa) {
  const Table& table = table_of(isa);
  const DType type = to_dtype(cache_type);
  const auto kernel = need(entry(table.attention, type), "attention", type, table);
  const Floats q = to_floats(queries, "q", 3), k = to_floats(keys, "k", 3), v = to_floats(values, "v", 3);
  const std::int64_t tokens = q.shape(0), heads = q.shape(1), dim = q.shape(2), kv_heads = k.shape(1);
  const std::int64_t seen = to_integer(window, "window", 0);
  for (int i = 0; i < 3; ++i) need_equal(v.shape(i), k.shape(i), "extents of v");
  need_equal(k.shape(2), dim, "head size of k");
  if (dim < 1 || dim > 4096) fail(ErrorCode::invalid_argument, "head size: expected 1 to 4096, found ", dim);
  if (kv_heads < 1 || heads % kv_heads != 0)
    fail(ErrorCode::invalid_argument, "heads: ", heads, " heads of q cannot share ", kv_heads, " heads of k");
  if (k.shape(0) < tokens)
    fail(ErrorCode::invalid_argument, "positions: expected a key for each of ", tokens, " queries, found ",
         k.shape(0));
  Floats result = new_floats({tokens, heads, dim});
  if (result.size() == 0) return result;
  const std::int64_t group = heads / kv_heads;
  const std::int64_t row = kernels::page_row_length(type, dim);
  float* const out = result.mutable_data();
  run_unlocked([&] {
    std::vector<float> scratch(static_cast<std::size_t>(kernels::attention_scratch(tokens * group, row)));
    for (std::int64_t h = 0; h < kv_heads; ++h) {
      const Pages pages = fill_pages(type, k, v, h);
      kernel({.q = q.data() + h * group * dim,
              .q_stride = heads * dim,
              .tokens = tokens,
              .heads = group,
              .head_dim = dim,
              .pages = pages.pages.data(),
              .k_offset = 0,
              .v_offset = pages.value_offset,
              .key_end = k.shape(0) - tokens + 1,
              .window = seen,
              .scale = scale,
              .soft_cap = soft_cap,
              .out = out + h * group * dim,
              .out_stride = heads * dim,
              .scratch = scratch.data()});
    }
  });
  return result;
}

Floats norm(const py::object& x, const py::object& weight, const py::object& bias, float epsilon, bool layer,
            const std::string& isa) {
  const Table& table = table_of(isa);
  const Floats in = to_floats(x, "x", 2);
  const std::int64_t cols = in.shape(1);
  const auto optional = [&](const py::object& values, std::string_view name) {
    Floats array = values.is_none() ? Floats(0) : to_floats(values, name, 1);
    if (!values.is_none()) need_equal(array.size(), cols, name);
    return array;
  };
  const Floats w = optional(weight, "weight"), b = optional(bias, "bias");
  Floats y = new_floats({in.shape(0), cols});
  const auto kernel = layer ? table.layer_norm : table.rms_norm;
  for (std::int64_t r = 0; cols > 0 && r < in.shape(0); ++r)
    kernel(in.data(r, 0), weight.is_none() ? nullptr : w.data(), bias.is_none() ? nullptr : b.data(), epsilon,
           cols, y.mutable_data(r, 0));
  return y;
}

/// x [tokens, heads, dim] rotated: the first 2 * pairs values of each head by position * frequencies [pairs].
Floats rope(const py::object& x, const py::object& positions, const py::object& frequencies, bool interleaved,
            const std::string& isa) {
  const Table& table = table_of(isa);
  const Floats in = to_floats(x, "x", 3), f = to_floats(frequencies, "frequencies", 1);
  const std::vector<Token> at = to_tokens(positions);
  need_equal(static_cast<std::int64_t>(at.size()), in.shape(0), "positions");
  const std::int64_t heads = in.shape(1), dim = in.shape(2), pairs = f.size();
  if (2 * pairs > dim)
    fail(ErrorCode::invalid_argument, "frequencies: expected at most ", dim / 2,
         ", half of the head size, found ", pairs);
  Floats y = new_floats({in.shape(0), heads, dim});
  std::copy_n(in.data(), in.size(), y.mutable_data());
  if (pairs == 0 || y.size() == 0) return y;
  std::vector<float> cosine(static_cast<std::size_t>(pairs)), sine(cosine.size());
  for (std::size_t t = 0; t < at.size(); ++t) {
    rope_angles(values_of(f), 1, at[t], cosine.data(), sine.data());
    for (std::int64_t h = 0; h < heads; ++h)
      (interleaved ? table.rope_interleaved : table.rope_halves)(
          y.mutable_data(static_cast<py::ssize_t>(t), h, 0), cosine.data(), sine.data(), pairs);
  }
  return y;
}

Floats gate(const py::object& gate, const py::object& up, bool gelu, const std::string& isa) {
  const Table& table = table_of(isa);
  const Floats g = to_floats(gate, "gate", 1), u = to_floats(up, "up", 1);
  need_equal(u.size(), g.size(), "values of up");
  Floats y = new_floats({g.size()});
  if (y.size() > 0)
    (gelu ? table.gelu_gate : table.silu_gate)(g.data(), u.data(), g.size(), y.mutable_data());
  return y;
}

Floats copy_of(const Floats& values) {
  Floats y = new_floats({values.size()});
  std::copy_n(values.data(), values.size(), y.mutable_data());
  return y;
}

Floats gelu(const py::object& x, const std::string& isa) {
  const Table& table = table_of(isa);
  Floats y = copy_of(to_floats(x, "x", 1));
  if (y.size() > 0) table.gelu(y.mutable_data(), y.size());
  return y;
}

Floats soft_cap(const py::object& x, float cap, const std::string& isa) {
  const Table& table = table_of(isa);
  Floats y = copy_of(to_floats(x, "x", 1));
  if (y.size() > 0) table.soft_cap(y.mutable_data(), cap, y.size());
  return y;
}

std::vector<std::pair<std::string_view, bool>> instruction_sets() {
  std::vector<std::pair<std::string_view, bool>> sets;
  for (const kernels::Choice& choice : kernels::choices())
    sets.emplace_back(choice.table->isa, choice.available);
  return sets;
}

}  // namespace

void bind_kernels(py::module_& m) {
  m.def("matmul", &matmul);
  m.def("attention", &attention);
  m.def("norm", &norm);
  m.def("rope", &rope);
  m.def("gate", &gate);
  m.def("gelu", &gelu);
  m.def("soft_cap", &soft_cap);
  m.def("instruction_sets", &instruction_sets);
  m.def("active", [] { return kernels::active().isa; });
}

}  // namespace linnet::python
