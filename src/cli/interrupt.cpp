// cli/interrupt.cpp - the bodies of interrupt.hpp.
#include "interrupt.hpp"

#include <csignal>

#include <linnet/base/error.hpp>

namespace linnet::cli {
namespace {

// Apart, so that forgetting the one cannot lose the other.
volatile std::sig_atomic_t noted_interrupt = 0, noted_end = 0;

void note(int signal) { (signal == SIGINT ? noted_interrupt : noted_end) = signal; }

}  // namespace

void handle_signals() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // and no SA_RESTART: a read of the terminal ends, too
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old = {};
    // One that the caller ignores (nohup, a background job) stays ignored.
    if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  for (int signal : {SIGPIPE, SIGXFSZ}) sigaction(signal, &action, nullptr);
}

bool forget_interrupt() {
  if (noted_interrupt != 0) {
    noted_interrupt = 0;
    handle_signals();  // a noted signal has lost its handler
  }
  return noted_end == 0;
}

bool interrupted() noexcept { return noted_interrupt != 0 || noted_end != 0; }

void check_interrupted() {
  if (interrupted()) fail(ErrorCode::cancelled, "interrupted");
}

int interrupted_exit_code() noexcept { return 128 + (noted_end != 0 ? static_cast<int>(noted_end) : SIGINT); }

}  // namespace linnet::cli
