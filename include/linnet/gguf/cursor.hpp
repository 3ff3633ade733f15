// gguf/cursor.hpp - reads bytes front to back and never beyond their end. Never allocates, but for an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <linnet/base/error.hpp>
#include <linnet/base/printable.hpp>

namespace linnet::gguf::detail {

/// What is being read, for the text of an error: "header", "key 3", "tensor 'a'".
struct Place {
  std::string_view kind;
  std::uint64_t index = 0;     // counts from 1; 0 where there is only one of its kind
  std::string_view name = {};  // empty until it is known
};

inline std::string to_string(const Place& place) {
  if (!place.name.empty()) return concat(place.kind, " ", in_quotes(place.name));
  return place.index ? concat(place.kind, " ", place.index) : std::string(place.kind);
}

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t remaining() const noexcept { return bytes_.size() - position_; }
  /// The bytes between an earlier position and now.
  std::span<const std::byte> since(std::uint64_t start) const noexcept {
    return bytes_.subspan(start, position_ - start);
  }

  /// The next `count` bytes. Errors: truncated.
  std::span<const std::byte> take(std::uint64_t count, const Place& place) {
    if (count > remaining()) fail_truncated(count, place);
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }

  template <class T>
  T number(const Place& place) {
    T value;
    std::memcpy(&value, take(sizeof value, place).data(), sizeof value);
    return value;
  }

  /// A string: its length (u64), then its bytes. Errors: truncated; `too_long` for a length above `limit`.
  std::string_view string(std::uint64_t limit, ErrorCode too_long, const Place& place) {
    const auto length = number<std::uint64_t>(place);
    if (length > remaining()) fail_truncated(length, place);
    if (length > limit)
      fail_at(too_long, position_ - 8, place, "a string has ", length, " bytes; expected at most ", limit,
              "; the file is damaged or hostile");
    const auto bytes = take(length, place);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  [[noreturn]] void fail_truncated(std::uint64_t needed, const Place& place) const {
    fail_at(ErrorCode::truncated, position_, place, needed, " more bytes are needed, the file has ",
            remaining(), " left; it is cut short or damaged: fetch it again");
  }

  /// Throws "PLACE at byte POSITION: ...".
  template <class... Parts>
  [[noreturn]] static void fail_at(ErrorCode code, std::uint64_t position, const Place& place,
                                   const Parts&... parts) {
    fail(code, to_string(place), " at byte ", position, ": ", parts...);
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace linnet::gguf::detail
