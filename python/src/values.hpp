// values.hpp - GGUF metadata values as Python objects and back. Never interprets a key.
#pragma once

#include <pybind11/pybind11.h>

#include <string_view>

#include <linnet/gguf/value.hpp>

namespace linnet::python {

/// int, float, bool, str; a list of bool or str; an array of numbers for a list of those, in the file's type.
pybind11::object to_python(const gguf::Value& value);

/// A value of the given type ("u32", "string", "array of f32", ...) from what to_python() makes of one.
/// @throws Error(invalid_argument) where the object does not fit the type.
gguf::Value to_value(const pybind11::handle& object, std::string_view type);

/// The type of a value as to_value() takes it.
std::string type_text(const gguf::Value& value);

}  // namespace linnet::python
