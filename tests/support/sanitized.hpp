// support/sanitized.hpp - whether a sanitizer watches every access, which takes time and address space, and
// whether it is ThreadSanitizer.
#pragma once

namespace linnet::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

#ifdef __SANITIZE_THREAD__
inline constexpr bool threads_sanitized = true;
#else
inline constexpr bool threads_sanitized = false;
#endif

}  // namespace linnet::tests
