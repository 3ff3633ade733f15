// text/utf8.ipp - the bodies of text/utf8.hpp.
#pragma once

#include <linnet/text/utf8.hpp>

namespace linnet {
namespace detail {

// The lead byte of a sequence: how long it is, and what its second byte must be (Unicode 15, table 3-7).
struct Utf8Lead {
  std::uint8_t length;  // 0: no lead byte
  std::uint8_t second_low = 0x80;
  std::uint8_t second_high = 0xbf;
};

constexpr Utf8Lead utf8_lead(std::uint8_t byte) noexcept {
  if (byte < 0x80) return {1};
  if (byte < 0xc2) return {0};
  if (byte < 0xe0) return {2};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};  // above are the surrogates
  if (byte < 0xf0) return {3};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

// Bytes of text[at...] that can begin one character, at most a whole one; 0 where the first byte cannot.
constexpr std::size_t utf8_prefix(std::string_view text, std::size_t at, const Utf8Lead& lead) noexcept {
  std::size_t length = lead.length == 0 ? 0 : 1;
  while (length < lead.length && at + length < text.size()) {
    const auto byte = static_cast<std::uint8_t>(text[at + length]);
    const bool fits =
        length == 1 ? byte >= lead.second_low && byte <= lead.second_high : (byte & 0xc0) == 0x80;
    if (!fits) break;
    ++length;
  }
  return length;
}

}  // namespace detail

LINNET_INLINE CodePoint read_code_point(std::string_view text, std::size_t at) noexcept {
  const auto first = static_cast<std::uint8_t>(text[at]);
  const detail::Utf8Lead lead = detail::utf8_lead(first);
  if (lead.length == 1) return {first, 1, true};
  if (lead.length == 0 || detail::utf8_prefix(text, at, lead) < lead.length) return {first, 1, false};
  char32_t value = first & (0x7fu >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i)
    value = value << 6 | (static_cast<std::uint8_t>(text[at + i]) & 0x3fu);
  return {value, lead.length, true};
}

LINNET_INLINE void append_utf8(std::string& out, char32_t value) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (value >> shift & 0x3f)); };
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xc0 | value >> 6);
    tail(0);
  } else if (value < 0x10000) {
    out += static_cast<char>(0xe0 | value >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | value >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

LINNET_INLINE void Utf8Repair::append(std::string& out, std::string_view bytes) {
  std::string joined;
  if (!pending_.empty()) {
    joined = pending_.append(bytes);
    pending_.clear();
    bytes = joined;
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const detail::Utf8Lead lead = detail::utf8_lead(static_cast<std::uint8_t>(bytes[at]));
    const std::size_t length = detail::utf8_prefix(bytes, at, lead);
    if (length > 0 && length == lead.length) {
      out.append(bytes, at, length);
    } else if (length > 0 && at + length == bytes.size()) {
      pending_.assign(bytes, at, length);
    } else {
      append_utf8(out, 0xfffd);
    }
    at += length == 0 ? 1 : length;
  }
}

LINNET_INLINE void Utf8Repair::finish(std::string& out) {
  if (!pending_.empty()) append_utf8(out, 0xfffd);
  pending_.clear();
}

}  // namespace linnet
