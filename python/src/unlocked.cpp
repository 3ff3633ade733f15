// unlocked.cpp - the bodies of unlocked.hpp.
#include "unlocked.hpp"

#include <pybind11/pybind11.h>

#include <utility>

namespace linnet::python {

namespace py = pybind11;

namespace {

thread_local bool receives_signals = false;  // Python runs signal handlers in its main thread alone

bool is_main_thread() {
  const py::module_ threading = py::module_::import("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

}  // namespace

bool is_interrupted() {
  if (!receives_signals) return false;
  const py::gil_scoped_acquire lock;
  return PyErr_Occurred() || PyErr_CheckSignals() != 0;
}

void run_unlocked(const std::function<void()>& work) {
  // Restored afterwards: a signal's handler may itself get here.
  const bool before = std::exchange(receives_signals, is_main_thread());
  try {
    const py::gil_scoped_release release;
    work();
  } catch (...) {
    receives_signals = before;
    if (PyErr_Occurred()) throw py::error_already_set();
    throw;
  }
  receives_signals = before;
  if (PyErr_Occurred()) throw py::error_already_set();
}

}  // namespace linnet::python
