// arguments.hpp - Python's values as the library's, checked. Never guesses: what does not fit is an Error
// that says so.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <linnet/base/dtype.hpp>
#include <linnet/base/error.hpp>
#include <linnet/text/token.hpp>

namespace linnet::python {

namespace py = pybind11;

/// Contiguous, and aligned for the element.
constexpr int plain = static_cast<int>(py::array::c_style) | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
using Floats = py::array_t<float, plain>;
using Bytes = py::array_t<std::uint8_t, plain>;

/// A sequence of integers, or an integer array of one dimension. @throws Error(invalid_argument) for anything
/// else and for numbers that are no 32-bit token; whether the vocabulary has them, the engine checks.
std::vector<Token> to_tokens(const py::object& values);

/// Text as UTF-8: a str, or bytes as they are. @throws Error(invalid_argument) for lone surrogates and other
/// objects.
std::string to_text(const py::handle& value, std::string_view name);

/// An integer between low and high. Takes what Python takes as an index, but no bool.
/// @throws Error(invalid_argument).
std::int64_t to_integer(const py::handle& value, std::string_view name,
                        std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                        std::int64_t high = std::numeric_limits<std::int64_t>::max());

/// Forgets the Python error that a conversion ended with where it says that the value is none of its kind or
/// range; throws any other, such as that of Ctrl-C in a method of the value.
void clear_conversion_error();

/// A number as the nearest float. @throws Error(invalid_argument).
float to_float(const py::handle& value, std::string_view name);

/// A tensor type by its name. @throws Error(invalid_argument) listing the names.
DType to_dtype(std::string_view name);
/// The type of a key/value cache, the argument kv_type. @throws Error(invalid_argument) listing the choices.
DType to_cache_type(std::string_view name);

/// An array of float32 (uint8) with `dims` dimensions, or any number of them where it is -1; copied where its
/// values are not contiguous. @throws Error(invalid_argument) that names the array, what is expected and what
/// was found.
Floats to_floats(const py::object& value, std::string_view name, int dims = -1);
Bytes to_bytes(const py::object& value, std::string_view name, int dims = -1);

/// A new array. @throws Error(out_of_memory).
Floats new_floats(const std::vector<py::ssize_t>& shape);

template <class T, int flags>
std::span<const T> values_of(const py::array_t<T, flags>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

/// UTF-8 from the library; what is broken in it becomes lone surrogates, as in Python's file names.
py::str to_str(std::string_view text);

}  // namespace linnet::python
