// arguments.cpp - the bodies of arguments.hpp.
#include "arguments.hpp"

#include <linnet/base/printable.hpp>
#include <linnet/kernels/kv_page.hpp>

namespace linnet::python {
namespace {

std::string type_name(const py::handle& value) { return Py_TYPE(value.ptr())->tp_name; }

std::string shape_text(const py::array& array) { return py::cast<std::string>(py::str(array.attr("shape"))); }

template <class Array>
Array to_array(const py::object& value, std::string_view name, int dims, std::string_view dtype) {
  if (!py::isinstance<py::array>(value))
    fail(ErrorCode::invalid_argument, name, ": expected a NumPy array of ", dtype, ", found ",
         type_name(value));
  const auto array = py::reinterpret_borrow<py::array>(value);
  if (!py::isinstance<py::array_t<typename Array::value_type>>(array))
    fail(ErrorCode::invalid_argument, name, ": expected an array of ", dtype, ", found one of ",
         py::cast<std::string>(py::str(array.dtype())), "; convert it with .astype(numpy.", dtype, ")");
  if (dims >= 0 && array.ndim() != dims)
    fail(ErrorCode::invalid_argument, name, ": expected ", dims, dims == 1 ? " dimension" : " dimensions",
         ", found shape ", shape_text(array));
  Array contiguous = Array::ensure(array);
  if (!contiguous) throw py::error_already_set();
  return contiguous;
}

std::vector<Token> tokens_of_array(const py::array& array) {
  const char kind = array.dtype().kind();
  if (array.ndim() != 1 || (kind != 'i' && kind != 'u')) {
    if (array.ndim() == 1 && array.size() == 0) return {};  // numpy.array([]) is of floats
    fail(ErrorCode::invalid_argument, "tokens: expected one dimension of integers, found ",
         py::cast<std::string>(py::str(array.dtype())), " of shape ", shape_text(array));
  }
  // As unsigned 64-bit numbers too large ones would wrap into the range: they are looked at as what they are.
  const auto list = py::cast<py::list>(array.attr("tolist")());
  return to_tokens(list);
}

}  // namespace

std::vector<Token> to_tokens(const py::object& values) {
  if (py::isinstance<py::array>(values)) return tokens_of_array(py::reinterpret_borrow<py::array>(values));
  if (!py::isinstance<py::sequence>(values) || py::isinstance<py::str>(values) ||
      py::isinstance<py::bytes>(values))
    fail(ErrorCode::invalid_argument, "tokens: expected a sequence of integers, found ", type_name(values));
  // A fixed copy: converting a strange element may run code that changes the sequence.
  const py::tuple items(values);
  std::vector<Token> tokens;
  tokens.reserve(items.size());
  for (const py::handle item : items)
    tokens.push_back(static_cast<Token>(
        to_integer(item, "token", std::numeric_limits<Token>::min(), std::numeric_limits<Token>::max())));
  return tokens;
}

std::string to_text(const py::handle& value, std::string_view name) {
  if (PyBytes_Check(value.ptr())) return py::reinterpret_borrow<py::bytes>(value);
  if (!PyUnicode_Check(value.ptr()))
    fail(ErrorCode::invalid_argument, name, ": expected str or bytes, found ", type_name(value));
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text) return {text, static_cast<std::size_t>(size)};
  PyErr_Clear();
  fail(ErrorCode::invalid_argument, name,
       ": holds a lone surrogate (U+D800 to U+DFFF), which is no text; replace it, or pass bytes");
}

std::int64_t to_integer(const py::handle& value, std::string_view name, std::int64_t low, std::int64_t high) {
  if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr()))
    fail(ErrorCode::invalid_argument, name, ": expected an integer, found ", type_name(value));
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!number) throw py::error_already_set();
  int overflow = 0;
  const std::int64_t result = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0 && result >= low && result <= high) return result;
  fail(ErrorCode::invalid_argument, name, ": expected ", low, " to ", high, ", got ",
       overflow > 0   ? "a larger number"
       : overflow < 0 ? "a smaller number"
                      : concat(result));
}

void clear_conversion_error() {
  if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_OverflowError))
    throw py::error_already_set();
  PyErr_Clear();
}

float to_float(const py::handle& value, std::string_view name) {
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred()) {
    clear_conversion_error();
    fail(ErrorCode::invalid_argument, name, ": expected a number, found ", Py_TYPE(value.ptr())->tp_name);
  }
  return static_cast<float>(number);
}

DType to_dtype(std::string_view name) {
  if (const auto type = parse_dtype(name)) return *type;
  std::string names;
  for (const DTypeInfo& row : dtype_table) names += concat(names.empty() ? "" : ", ", row.name);
  fail(ErrorCode::invalid_argument, "unknown tensor type ", in_quotes(name), "; there are ", names);
}

DType to_cache_type(std::string_view name) {
  const auto type = parse_dtype(name);
  if (type && kernels::is_cache_type(*type)) return *type;
  fail(ErrorCode::invalid_argument, "kv_type: expected \"f32\", \"f16\", \"bf16\" or \"q8_0\", got ",
       in_quotes(name));
}

Floats to_floats(const py::object& value, std::string_view name, int dims) {
  return to_array<Floats>(value, name, dims, "float32");
}

Bytes to_bytes(const py::object& value, std::string_view name, int dims) {
  return to_array<Bytes>(value, name, dims, "uint8");
}

Floats new_floats(const std::vector<py::ssize_t>& shape) {
  try {
    return Floats(shape);
  } catch (const py::error_already_set&) {
    double bytes = sizeof(float);
    for (const py::ssize_t extent : shape) bytes *= static_cast<double>(extent);
    fail(ErrorCode::out_of_memory, "the system refused ", static_cast<std::int64_t>(bytes / 1e6),
         " MB for the result; ask for less at once");
  }
}

py::str to_str(std::string_view text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape"));
}

}  // namespace linnet::python
