// base/checked.hpp - unsigned arithmetic on sizes that reports overflow. Never wraps.
#pragma once

#include <cstdint>
#include <optional>

namespace linnet {

/// a + b, or nothing where the sum does not fit.
constexpr std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) noexcept {
  if (a > UINT64_MAX - b) return std::nullopt;
  return a + b;
}

/// a * b, or nothing where the product does not fit.
constexpr std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) noexcept {
  if (b != 0 && a > UINT64_MAX / b) return std::nullopt;
  return a * b;
}

/// The smallest multiple of `unit` (a power of two) that is at least `size`, or nothing where it does not
/// fit.
constexpr std::optional<std::uint64_t> checked_align(std::uint64_t size, std::uint64_t unit) noexcept {
  const auto sum = checked_add(size, unit - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(unit - 1);
}

}  // namespace linnet
