// adapter.cpp - the bodies of adapter.hpp, and the binding.
#include "adapter.hpp"

#include <pybind11/stl/filesystem.h>

#include <filesystem>

#include "arguments.hpp"
#include "bindings.hpp"
#include "unlocked.hpp"

namespace linnet::python {
namespace {

LoadedAdapter load_adapter(const std::filesystem::path& path, const LoadedModel& model) {
  LoadedAdapter loaded;
  run_unlocked([&] { loaded.adapter = Adapter::load(path, model.model); });
  return loaded;
}

}  // namespace

std::vector<AdapterUse> to_adapter_uses(const py::object& pairs) {
  std::vector<AdapterUse> uses;
  for (const py::handle item : py::tuple(pairs)) {
    const py::tuple pair(py::reinterpret_borrow<py::object>(item));
    if (pair.size() != 2 || !py::isinstance<LoadedAdapter>(pair[0]))
      fail(ErrorCode::invalid_argument, "adapters: expected pairs of an adapter and a scale");
    uses.push_back({py::cast<const LoadedAdapter&>(pair[0]).adapter, to_float(pair[1], "scale")});
  }
  return uses;
}

void bind_adapter(py::module_& m) {
  py::class_<LoadedAdapter>(m, "Adapter")
      .def(py::init(&load_adapter))
      .def_property_readonly("matrices", [](const LoadedAdapter& self) { return self.adapter->size(); })
      .def_property_readonly("rank", [](const LoadedAdapter& self) { return self.adapter->max_rank(); });
}

}  // namespace linnet::python
