// values.cpp - the bodies of values.hpp.
#include "values.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <linnet/base/printable.hpp>

#include "arguments.hpp"

namespace linnet::python {
namespace {

using gguf::Value;
using gguf::ValueType;

/// Calls f.template operator()<T>() with the C++ type of a number's type. False for others.
template <class Function>
bool with_number(ValueType type, Function&& f) {
  switch (type) {
    case ValueType::u8:
      return f.template operator()<std::uint8_t>(), true;
    case ValueType::i8:
      return f.template operator()<std::int8_t>(), true;
    case ValueType::u16:
      return f.template operator()<std::uint16_t>(), true;
    case ValueType::i16:
      return f.template operator()<std::int16_t>(), true;
    case ValueType::u32:
      return f.template operator()<std::uint32_t>(), true;
    case ValueType::i32:
      return f.template operator()<std::int32_t>(), true;
    case ValueType::f32:
      return f.template operator()<float>(), true;
    case ValueType::u64:
      return f.template operator()<std::uint64_t>(), true;
    case ValueType::i64:
      return f.template operator()<std::int64_t>(), true;
    case ValueType::f64:
      return f.template operator()<double>(), true;
    default:
      return false;
  }
}

py::object to_list(const Value& value) {
  py::list list;
  if (value.element_type() == ValueType::string) {
    const auto texts = value.texts();
    for (const std::string_view text : *texts) list.append(to_str(text));
  } else {
    for (const std::byte flag : value.element_bytes()) list.append(py::bool_(flag != std::byte{0}));
  }
  return list;
}

ValueType parse_type(std::string_view name) {
  for (std::uint32_t i = 0; i < gguf::value_type_count; ++i) {
    const auto type = static_cast<ValueType>(i);
    if (gguf::to_string(type) == name && type != ValueType::array) return type;
  }
  fail(ErrorCode::invalid_argument, "unknown value type ", in_quotes(name),
       "; there are u8, i8, u16, i16, u32, i32, u64, i64, f32, f64, bool, string, and \"array of\" one of "
       "them");
}

template <class T>
Value to_number(const py::handle& object) {
  if constexpr (std::is_floating_point_v<T>) {
    const double number = PyFloat_AsDouble(object.ptr());
    if (number == -1.0 && PyErr_Occurred()) {
      clear_conversion_error();
      fail(ErrorCode::invalid_argument, "metadata: expected a number, found ",
           Py_TYPE(object.ptr())->tp_name);
    }
    return static_cast<T>(number);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    const std::uint64_t result = number ? PyLong_AsUnsignedLongLong(number.ptr()) : 0;
    if (PyErr_Occurred()) {
      clear_conversion_error();
      fail(ErrorCode::invalid_argument, "metadata: expected a u64, a number of 0 to 2^64 - 1");
    }
    return result;
  } else {
    return static_cast<T>(
        to_integer(object, "metadata", std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

Value to_scalar(const py::handle& object, ValueType type) {
  if (type == ValueType::string) return to_text(object, "metadata");
  if (type == ValueType::boolean) {
    if (!PyBool_Check(object.ptr()))
      fail(ErrorCode::invalid_argument, "metadata: expected a bool, found ", Py_TYPE(object.ptr())->tp_name);
    return object.is(py::bool_(true));
  }
  Value value = false;
  with_number(type, [&]<class T>() { value = to_number<T>(object); });
  return value;
}

template <class T>
Value array_of_numbers(const py::tuple& items) {
  std::vector<T> numbers;
  numbers.reserve(items.size());
  for (const py::handle item : items) {
    const Value number = to_number<T>(item);
    T& last = numbers.emplace_back();
    std::memcpy(&last, number.raw().data(), sizeof last);
  }
  return numbers;
}

Value to_array_value(const py::handle& object, ValueType type) {
  if (!py::isinstance<py::sequence>(object) || PyUnicode_Check(object.ptr()) || PyBytes_Check(object.ptr()))
    fail(ErrorCode::invalid_argument, "metadata: expected a sequence, found ",
         Py_TYPE(object.ptr())->tp_name);
  const py::tuple items(py::reinterpret_borrow<py::object>(object));
  if (type == ValueType::string) {
    std::vector<std::string> texts;
    for (const py::handle item : items) texts.push_back(to_text(item, "metadata"));
    return texts;
  }
  if (type == ValueType::boolean) {
    std::vector<bool> flags;
    for (const py::handle item : items) flags.push_back(*to_scalar(item, type).boolean());
    return flags;
  }
  Value value = false;
  with_number(type, [&]<class T>() { value = array_of_numbers<T>(items); });
  return value;
}

constexpr std::string_view array_prefix = "array of ";

}  // namespace

py::object to_python(const Value& value) {
  const ValueType type = value.element_type();
  if (value.is_array()) {
    py::object result;
    if (!with_number(type, [&]<class T>() {
          py::array_t<T> numbers(static_cast<py::ssize_t>(value.size()));
          std::memcpy(numbers.mutable_data(), value.element_bytes().data(), value.element_bytes().size());
          result = std::move(numbers);
        }))
      result = to_list(value);
    return result;
  }
  if (type == ValueType::string) return to_str(*value.text());
  if (type == ValueType::boolean) return py::bool_(*value.boolean());
  py::object result;
  with_number(type, [&]<class T>() {
    T number;
    std::memcpy(&number, value.raw().data(), sizeof number);
    result = py::cast(number);
  });
  return result;
}

Value to_value(const py::handle& object, std::string_view type) {
  if (type.starts_with(array_prefix))
    return to_array_value(object, parse_type(type.substr(array_prefix.size())));
  return to_scalar(object, parse_type(type));
}

std::string type_text(const Value& value) {
  return concat(value.is_array() ? array_prefix : "", gguf::to_string(value.element_type()));
}

}  // namespace linnet::python
