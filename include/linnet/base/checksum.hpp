// base/checksum.hpp - a number that changes when bytes do. Finds damage and mistakes, never an attacker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace linnet {

/// A 64-bit checksum over bytes that come in pieces of any size: only their order counts. Every step is a
/// bijection of the state, so that one changed word of eight bytes is always noticed, and others with a
/// chance of 1 - 2^-64. Cost: about a nanosecond per word.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), sizeof word_ - filled_);
      std::memcpy(word_ + filled_, bytes.data(), count);
      bytes = bytes.subspan(count);
      filled_ += count;
      length_ += count;
      if (filled_ == sizeof word_) mix_word();
    }
  }
  void add(std::string_view text) noexcept { add(std::as_bytes(std::span(text))); }
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void add(T value) noexcept { add(std::as_bytes(std::span(&value, 1))); }

  /// The checksum of what was added so far.
  std::uint64_t value() const noexcept {
    Checksum end = *this;
    std::memset(end.word_ + end.filled_, 0, sizeof word_ - end.filled_);
    end.mix_word();
    end.mix(length_);
    return end.state_;
  }

 private:
  void mix_word() noexcept {
    std::uint64_t word;
    std::memcpy(&word, word_, sizeof word);
    mix(word);
    filled_ = 0;
  }
  // The finaliser of SplitMix64; Steele et al., 2014.
  void mix(std::uint64_t word) noexcept {
    state_ = (state_ ^ word) * 0xbf58476d1ce4e5b9u;
    state_ ^= state_ >> 31;
  }

  std::uint64_t state_ = 0x9e3779b97f4a7c15u, length_ = 0;
  std::byte word_[8] = {};
  std::size_t filled_ = 0;
};

}  // namespace linnet
