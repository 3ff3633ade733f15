// cli/interrupt.cpp - the bodies of interrupt.hpp.
#include "interrupt.hpp"

#include <csignal>

#include <linnet/base/error.hpp>

namespace linnet::cli {
namespace {

volatile std::sig_atomic_t received = 0;

void note(int signal) { received = signal; }

}  // namespace

void handle_signals() {
  received = 0;
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

bool interrupted() noexcept { return received != 0; }

void check_interrupted() {
  if (interrupted()) fail(ErrorCode::cancelled, "interrupted");
}

int interrupted_exit_code() noexcept { return 128 + (received != 0 ? static_cast<int>(received) : SIGINT); }

}  // namespace linnet::cli
