// bindings.hpp - the entry points of the binding files, one per class. Never binds anything itself.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include <linnet/model/adapter.hpp>
#include <linnet/model/model.hpp>

namespace linnet::python {

namespace py = pybind11;

/// A model as Python holds it, with the adapters that all work on it applies.
struct LoadedModel {
  std::shared_ptr<const Model> model;
  std::vector<AdapterUse> adapters = {};
};

void bind_errors(py::module_& m);
void bind_adapter(py::module_& m);
void bind_model(py::module_& m);
void bind_session(py::module_& m);
void bind_scoring(py::module_& m);
void bind_batch(py::module_& m);
void bind_gguf_file(py::module_& m);
void bind_gguf_writer(py::module_& m);
void bind_quant(py::module_& m);
void bind_kernels(py::module_& m);

}  // namespace linnet::python
