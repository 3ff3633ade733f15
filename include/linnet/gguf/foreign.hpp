// gguf/foreign.hpp - says what a file is that is no GGUF file. Never opens one: it looks at the first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <linnet/base/config.hpp>

namespace linnet::gguf {

/// What bytes that do not begin a GGUF file seem to be, and what to do: "it is a web page; ...". Always says
/// something.
std::string_view describe_foreign(std::span<const std::byte> bytes) noexcept;

}  // namespace linnet::gguf

#ifdef LINNET_HEADER_ONLY
#include <linnet/gguf/foreign.ipp>
#endif
