// quant.cpp - rows of floats to blocks of a tensor type and back, for Python. Never knows files.
#include <pybind11/stl.h>

#include <cstddef>
#include <string>
#include <vector>

#include <linnet/quant/convert.hpp>
#include <linnet/quant/formats.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

void check_blocks(std::int64_t size, std::int64_t block, std::string_view what, std::string_view type) {
  if (size % block != 0)
    fail(ErrorCode::invalid_argument, what, " of ", type, ": expected a multiple of ", block, ", found ",
         size);
}

/// The shape with another last extent. @pre at least one dimension.
std::vector<py::ssize_t> with_last(const py::array& array, std::int64_t last) {
  std::vector<py::ssize_t> shape(array.shape(), array.shape() + array.ndim());
  shape.back() = last;
  return shape;
}

void check_dims(const py::array& array) {
  if (array.ndim() < 1)
    fail(ErrorCode::invalid_argument, "expected an array of one dimension or more, found a number");
}

Bytes quantize(const py::object& values, const std::string& type_name) {
  const DType type = to_dtype(type_name);
  const Floats floats = to_floats(values, "values");
  check_dims(floats);
  const std::int64_t cols = floats.shape(floats.ndim() - 1);
  check_blocks(cols, info(type).block_length, "row length", to_string(type));
  Bytes blocks(with_last(floats, byte_size(type, cols)));
  auto* const out = reinterpret_cast<std::byte*>(blocks.mutable_data());
  run_unlocked([&] { quant::quantize(type, values_of(floats), out); });
  return blocks;
}

Floats dequantize(const py::object& blocks, const std::string& type_name) {
  const DType type = to_dtype(type_name);
  const Bytes bytes = to_bytes(blocks, "blocks");
  check_dims(bytes);
  const std::int64_t row_bytes = bytes.shape(bytes.ndim() - 1);
  check_blocks(row_bytes, info(type).block_bytes, "row bytes", to_string(type));
  Floats values = new_floats(with_last(bytes, row_bytes / info(type).block_bytes * info(type).block_length));
  const std::span<float> out(values.mutable_data(), static_cast<std::size_t>(values.size()));
  run_unlocked([&] { quant::dequantize(type, reinterpret_cast<const std::byte*>(bytes.data()), out); });
  return values;
}

}  // namespace

void bind_quant(py::module_& m) {
  m.def("quantize", &quantize);
  m.def("dequantize", &dequantize);
  m.def("info", [](const std::string& name) {
    const DTypeInfo& row = info(to_dtype(name));
    return py::make_tuple(row.name, row.block_length, row.block_bytes);
  });
  m.def("types", [] {
    std::vector<std::string_view> names;
    for (const DTypeInfo& row : dtype_table)
      if (quant::is_computable(row.type)) names.push_back(row.name);
    return names;
  });
}

}  // namespace linnet::python
