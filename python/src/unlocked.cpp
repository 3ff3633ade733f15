// unlocked.cpp - the bodies of unlocked.hpp.
#include "unlocked.hpp"

#include <pybind11/pybind11.h>

#ifndef _WIN32
#include <pthread.h>
#endif

#include <exception>
#include <thread>
#include <utility>

namespace linnet::python {

namespace py = pybind11;

namespace {

thread_local bool receives_signals = false;  // Python runs signal handlers in its main thread alone

// OpenMP keeps the threads that it started for one of ours. A child of fork() has that one without them, and
// the first parallel region there would wait for them for ever.
thread_local bool has_worked = false, has_lost_threads = false;

bool is_main_thread() {
  const py::module_ threading = py::module_::import("threading");
  return threading.attr("current_thread")().is(threading.attr("main_thread")());
}

/// Runs the work on a new thread, for which OpenMP starts threads anew.
void run_elsewhere(const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread thread([&] {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  });
  thread.join();
  if (error) std::rethrow_exception(error);
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
  has_worked = true;
  try {
    const py::gil_scoped_release release;
    has_lost_threads ? run_elsewhere(work) : work();
  } catch (...) {
    receives_signals = before;
    if (PyErr_Occurred()) throw py::error_already_set();
    throw;
  }
  receives_signals = before;
  if (PyErr_Occurred()) throw py::error_already_set();
}

void watch_forks() {
#ifndef _WIN32
  pthread_atfork(nullptr, nullptr, [] { has_lost_threads = has_worked; });
#endif
}

}  // namespace linnet::python
