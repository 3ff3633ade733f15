// base/error.hpp - the one exception of the library, and how its texts are put together. Never prints.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace linnet {

/// What went wrong, for programs. The text of an Error says the rest for people.
enum class ErrorCode {
  io,                // a file or stream could not be opened, read or written
  out_of_memory,     // the machine (or a limit on the process) refused memory
  invalid_argument,  // the caller passed something out of range
  unsupported,       // a valid file or request that this library does not handle
  bad_model,         // a well-formed file whose contents do not make a model
  context_full,      // more tokens than the context holds
  cancelled,         // the caller asked to stop
  // A malformed GGUF file:
  truncated,
  magic,
  endian,
  version,
  count,
  key,
  duplicate_key,
  value_type,
  depth,
  boolean,
  limit,
  key_type,
  alignment,
  name,
  duplicate_tensor,
  dimensions,
  dimension,
  overflow,
  tensor_type,
  block,
  offset,
  bounds,
  overlap,
};

/// The name of a code: "io", "truncated", ...
constexpr std::string_view to_string(ErrorCode code) noexcept {
  constexpr std::string_view names[] = {"io",
                                        "out_of_memory",
                                        "invalid_argument",
                                        "unsupported",
                                        "bad_model",
                                        "context_full",
                                        "cancelled",
                                        "truncated",
                                        "magic",
                                        "endian",
                                        "version",
                                        "count",
                                        "key",
                                        "duplicate_key",
                                        "value_type",
                                        "depth",
                                        "boolean",
                                        "limit",
                                        "key_type",
                                        "alignment",
                                        "name",
                                        "duplicate_tensor",
                                        "dimensions",
                                        "dimension",
                                        "overflow",
                                        "tensor_type",
                                        "block",
                                        "offset",
                                        "bounds",
                                        "overlap"};
  static_assert(std::size(names) == static_cast<std::size_t>(ErrorCode::overlap) + 1);
  return names[static_cast<std::size_t>(code)];
}

/// The only exception that the library throws on purpose. Its text says what, where, expected, found, what to
/// do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

namespace detail {

template <class T>
void append(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    char digits[64];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  } else {
    out += std::string_view(value);
  }
}

}  // namespace detail

/// Joins texts and numbers into one string: concat("row ", 3, " of ", 4). Numbers are written independent of
/// locale.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// Throws an Error whose text is the concatenated parts.
template <class... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, concat(parts...));
}

}  // namespace linnet
