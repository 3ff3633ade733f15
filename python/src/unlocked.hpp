// unlocked.hpp - long work outside Python's global lock that Ctrl-C still ends. Never works itself.
#pragma once

#include <functional>

namespace linnet::python {

/// Runs `work` without the global interpreter lock, which the caller holds before and after. Where a signal's
/// handler (that of Ctrl-C, say) raised meanwhile, its exception takes the place of whatever `work` ended
/// with.
void run_unlocked(const std::function<void()>& work);

/// Whether the work on this thread should end: Python received a signal, and its handler raised. For the
/// `should_stop` of the library; called inside run_unlocked(). Only the main thread's work is ever
/// interrupted.
bool is_interrupted();

}  // namespace linnet::python
