// adapter.hpp - linnet::Adapter for Python. Never loads a model.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include <linnet/model/adapter.hpp>

namespace linnet::python {

/// An adapter as Python holds it: pybind11 wants a class of its own around a pointer to const.
struct LoadedAdapter {
  std::shared_ptr<const Adapter> adapter;
};

/// From a sequence of pairs of an adapter and its scale. @throws Error(invalid_argument) for anything else.
std::vector<AdapterUse> to_adapter_uses(const pybind11::object& pairs);

}  // namespace linnet::python
