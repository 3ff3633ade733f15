// gguf_writer.cpp - gguf::Writer for Python. Never holds a tensor: Python supplies the bytes while they are
// written.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <linnet/gguf/writer.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"
#include "values.hpp"

namespace linnet::python {
namespace {

using gguf::Writer;

void set(Writer& self, const py::object& key, const py::object& value, const std::string& type) {
  self.metadata.set(to_text(key, "key"), to_value(value, type));
}

/// @param shape  rows first, as NumPy counts dimensions.
void add_tensor(Writer& self, const py::object& name, const std::string& type,
                const std::vector<py::object>& shape) {
  std::vector<std::int64_t> extents;
  for (const py::object& extent : shape) extents.push_back(to_integer(extent, "shape", 0));
  std::reverse(extents.begin(), extents.end());
  self.add_tensor(to_text(name, "name"), to_dtype(type), extents);
}

/// @param supply  called with each tensor's name, in order: an iterable of its bytes, uint8 arrays of any
/// length.
void write(const Writer& self, const std::filesystem::path& path, const py::function& supply) {
  self.write(path, [&](const gguf::Tensor& tensor, gguf::TensorSink& sink) {
    const py::object chunks = supply(to_str(tensor.name));
    for (const py::handle chunk : py::iter(chunks)) {
      const Bytes bytes = to_bytes(py::reinterpret_borrow<py::object>(chunk), tensor.name);
      run_unlocked([&] { sink.append(values_of(bytes)); });
    }
  });
}

}  // namespace

void bind_gguf_writer(py::module_& m) {
  py::class_<Writer>(m, "Writer")
      .def(py::init<>())
      .def("set", &set)
      .def("add_tensor", &add_tensor)
      .def("write", &write)
      .def_property_readonly("file_size", &Writer::file_size);
}

}  // namespace linnet::python
