// errors.cpp - linnet::Error, and memory that was refused, as Python's linnet.Error. Never swallows an
// exception.
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include <linnet/base/error.hpp>

#include "bindings.hpp"

namespace linnet::python {
namespace {

void set_error(ErrorCode code, const std::string& text) {
  const py::object type = py::module_::import("linnet._errors").attr("Error");
  const py::object error = type(py::str(std::string(to_string(code))),
                                py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(
                                    text.data(), static_cast<Py_ssize_t>(text.size()), "replace")));
  PyErr_SetObject(type.ptr(), error.ptr());
}

}  // namespace

void bind_errors(py::module_&) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      set_error(error.code(), error.what());
    } catch (const std::bad_alloc&) {
      set_error(ErrorCode::out_of_memory, "the system refused memory; use a shorter text, context or batch");
    } catch (const std::length_error&) {
      set_error(ErrorCode::out_of_memory, "more memory was asked for than can be addressed");
    }
  });
}

}  // namespace linnet::python
