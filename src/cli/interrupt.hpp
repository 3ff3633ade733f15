// cli/interrupt.hpp - Ctrl-C as a question that long work asks. Never ends the program by itself the first
// time.
#pragma once

namespace linnet::cli {

/// From now on the first SIGINT, SIGTERM or SIGHUP is noted, and a second one of the kind ends the program.
/// Writing to a closed pipe or beyond a file size limit becomes an error of the write.
void handle_signals();

/// Forgets a noted SIGINT (Ctrl-C), so that the next one is noted again. False where another signal was
/// noted: it stays.
bool forget_interrupt();

/// Whether the program was asked to end.
bool interrupted() noexcept;

/// @throws Error(cancelled) where the program was asked to end.
void check_interrupted();

/// What a shell expects of a program that a signal ended: 128 + its number.
int interrupted_exit_code() noexcept;

}  // namespace linnet::cli
