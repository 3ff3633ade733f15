// cli/output.hpp - standard output, written whole or reported. Never hides a full disk.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>

namespace linnet::cli {

/// Thrown where the reader of standard output has gone: the program ends, and nothing is wrong.
struct BrokenPipe {};

/// Text on its way to standard output. Nothing is written before flush(), and nothing in a destructor, so
/// that every failure is seen.
class Output {
 public:
  template <class... Parts>
  void print(const Parts&... parts) {
    (detail::append(text_, parts), ...);
    constexpr std::size_t enough = 1u << 16;
    if (text_.size() > enough) flush();
  }
  /// @throws BrokenPipe; Error(io) for a full disk or a closed output.
  void flush();

 private:
  std::string text_;
};

/// The program's standard output.
Output& out();

bool stdout_is_terminal();
bool stderr_is_terminal();
/// The width of the window in which standard error appears; 80 where nobody knows.
std::size_t stderr_columns();
/// Whether a line on standard error can be wiped away: on a terminal that is not dumb.
bool stderr_obeys_escapes();
/// Whether text on standard error may be coloured: on such a terminal, unless NO_COLOR is set.
bool stderr_has_colors();

/// Writes to standard error at once; failures are ignored.
void print_error(std::string_view text) noexcept;

/// Opens what the caller has closed of descriptors 0 to 2, so that no file of ours becomes one of them.
void reserve_standard_descriptors() noexcept;

}  // namespace linnet::cli
