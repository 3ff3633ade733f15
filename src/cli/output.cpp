// cli/output.cpp - the bodies of output.hpp.
#include "output.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace linnet::cli {

void Output::flush() {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      text_.clear();
      if (error == EPIPE) throw BrokenPipe();
      fail(ErrorCode::io, "cannot write to standard output: ", std::generic_category().message(error));
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  text_.clear();
}

Output& out() {
  static Output output;
  return output;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::size_t stderr_columns() {
  winsize size = {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

bool stderr_obeys_escapes() {
  const char* const kind = std::getenv("TERM");
  return stderr_is_terminal() && (!kind || std::string_view(kind) != "dumb");
}

bool stderr_has_colors() {
  const char* const no_color = std::getenv("NO_COLOR");
  return stderr_obeys_escapes() && (!no_color || !*no_color);
}

void print_error(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void reserve_standard_descriptors() noexcept {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // Opened the other way round, so that using it is an error, as it was.
    const int opened = ::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
    if (opened >= 0 && opened != descriptor) ::close(opened);
  }
}

}  // namespace linnet::cli
