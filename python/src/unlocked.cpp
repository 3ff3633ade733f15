// unlocked.cpp - the bodies of unlocked.hpp.
#include "unlocked.hpp"

#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <thread>
#include <utility>

namespace linnet::python {

namespace py = pybind11;

namespace {

thread_local bool receives_signals = false;  // Python runs signal handlers in its main thread alone

bool is_main_thread() {
  const py::module_ threading = py::module_::import("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

/// Runs the work without the lock. Returns what it threw, since the lock has to be taken outside of
/// destructors and handlers: Python ends other threads than its main one there when it ends itself.
std::exception_ptr run_and_take_lock(const std::function<void()>& work) {
  std::exception_ptr error;
  PyThreadState* const state = PyEval_SaveThread();
  try {
    work();
  } catch (...) {
    error = std::current_exception();
  }
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    // pthread_exit() unwinds the stack, on which destructors wait that need the lock. The process ends soon.
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  return error;
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
  const std::exception_ptr error = run_and_take_lock(work);
  receives_signals = before;
  if (PyErr_Occurred()) throw py::error_already_set();
  if (error) std::rethrow_exception(error);
}

}  // namespace linnet::python
