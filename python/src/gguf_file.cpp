// gguf_file.cpp - gguf::File for Python: keys, values, and the tensors' bytes where they lie. Never copies a
// tensor.
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <linnet/base/printable.hpp>
#include <linnet/gguf/reader.hpp>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"
#include "values.hpp"

namespace linnet::python {
namespace {

using gguf::File;

std::unique_ptr<File> open_file(const std::filesystem::path& path, bool follow_split) {
  std::unique_ptr<File> file;
  run_unlocked([&] { file = std::make_unique<File>(File::open(path, {.follow_split = follow_split})); });
  return file;
}

const gguf::Value& at(const File& self, const std::string& key) {
  if (const gguf::Value* value = self.metadata().find(key)) return *value;
  throw py::key_error(key);
}

std::vector<py::str> keys(const File& self) {
  std::vector<py::str> names;
  for (const gguf::Metadata::Entry& entry : self.metadata()) names.push_back(to_str(entry.key));
  return names;
}

/// Rows first, as NumPy counts dimensions.
std::vector<std::int64_t> shape_of(const gguf::Tensor& tensor) {
  return {tensor.view.shape.rend() - tensor.dims, tensor.view.shape.rend()};
}

py::list tensors(const File& self) {
  py::list rows;
  for (const gguf::Tensor& tensor : self.tensors())
    rows.append(py::make_tuple(to_str(tensor.name), to_string(tensor.view.type),
                               py::tuple(py::cast(shape_of(tensor))), tensor.view.bytes(), tensor.offset,
                               tensor.part));
  return rows;
}

/// A tensor's bytes: a read-only array that keeps the file mapped.
py::array_t<std::uint8_t> data(const py::object& self, const py::object& index) {
  const auto tensors = py::cast<const File&>(self).tensors();
  const std::int64_t i = to_integer(index, "tensor", 0, static_cast<std::int64_t>(tensors.size()) - 1);
  const TensorView& view = tensors[static_cast<std::size_t>(i)].view;
  py::array_t<std::uint8_t> bytes({static_cast<py::ssize_t>(view.bytes())}, {1},
                                  reinterpret_cast<const std::uint8_t*>(view.data), self);
  bytes.attr("flags").attr("writeable") = false;  // and NumPy does not let anybody undo it: we are no buffer
  return bytes;
}

}  // namespace

void bind_gguf_file(py::module_& m) {
  py::class_<File>(m, "File")
      .def(py::init(&open_file))
      .def("keys", &keys)
      .def("value", [](const File& self, const std::string& key) { return to_python(at(self, key)); })
      .def("value_type", [](const File& self, const std::string& key) { return type_text(at(self, key)); })
      .def("tensors", &tensors)
      .def("data", &data)
      .def("warnings",
           [](const File& self) {
             return std::vector<std::string>(self.warnings().begin(), self.warnings().end());
           })
      .def("paths",
           [](const File& self) {
             return std::vector<std::filesystem::path>(self.paths().begin(), self.paths().end());
           })
      .def_property_readonly("size", &File::size)
      .def_property_readonly("version", &File::version)
      .def_property_readonly("alignment", &File::alignment);
}

}  // namespace linnet::python
