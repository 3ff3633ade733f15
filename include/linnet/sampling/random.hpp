// sampling/random.hpp - random numbers that are the same on every platform. Never for secrets.
#pragma once

#include <bit>
#include <cstdint>

namespace linnet::sampling {

/// PCG32 (XSH-RR 64/32). Source: M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
/// Algorithms for Random Number Generation", 2014.
class Random {
 public:
  /// @param stream  generators with one seed and different streams are independent of each other.
  Random(std::uint64_t seed, std::uint64_t stream) noexcept : increment_(stream << 1 | 1) {
    next();
    state_ += seed;
    next();
  }

  std::uint32_t next() noexcept {
    const std::uint64_t old = state_;
    state_ = old * 6364136223846793005u + increment_;
    return std::rotr(static_cast<std::uint32_t>(((old >> 18) ^ old) >> 27), static_cast<int>(old >> 59));
  }

  /// A multiple of 2^-53 in [0, 1), each equally likely.
  double uniform() noexcept {
    const std::uint64_t high = next() >> 5, low = next() >> 6;
    return static_cast<double>(high << 26 | low) * 0x1p-53;
  }

 private:
  std::uint64_t state_ = 0;
  std::uint64_t increment_;
};

}  // namespace linnet::sampling
