// ops/limits.hpp - multiplying and reading as fast as the processor can: what other kernels are measured
// against. Computes nothing that anyone wants.
#pragma once

#include <cstdint>

#include "vector.hpp"

namespace linnet::kernels {

/// Enough multiplications that do not wait for each other to fill two units of a latency of up to 6 cycles,
/// in registers that even 256-bit instruction sets have.
inline constexpr int peak_chains = 12;

/// The best multiply of an Isa is that of its tiles, where it has some; else what it calls
///   multiply_step(Bytes sum, Bytes x)  with a result that depends on `sum`, and
///   step_operations                    the multiplications and additions of that;
/// else the fused product of floats.
template <class Isa>
struct PeakStep {
  using Register = typename Isa::Vector;
  static constexpr int operations = 2 * static_cast<int>(Register::size);
  LINNET_ALWAYS_INLINE static Register value(int i) {
    return Register(0.5f + 0.001f * static_cast<float>(i));
  }
  LINNET_ALWAYS_INLINE static Register step(Register sum, Register x) {
    if constexpr (Register::size == 1) return sum * x + x;  // fused, it would be a call of a function
    return fma(sum, x, x);
  }
};

template <class Isa>
requires requires { Isa::step_operations; }
struct PeakStep<Isa> {
  using Register = typename Isa::Bytes;
  static constexpr int operations = Isa::step_operations;
  LINNET_ALWAYS_INLINE static Register value(int i) {
    return Isa::broadcast(0x01020301u + static_cast<std::uint32_t>(i));
  }
  LINNET_ALWAYS_INLINE static Register step(Register sum, Register x) { return Isa::multiply_step(sum, x); }
};

/// Products of tiles of zeros, which take as long as others; sums need not wait for each other.
template <class Tiles>
LINNET_ALWAYS_INLINE std::int64_t peak_tile_operations(std::int64_t rounds) {
  Tiles::begin();
  unroll<8>([&](auto i) __attribute__((always_inline)) { Tiles::template zero<decltype(i)::value>(); });
  for (std::int64_t round = 0; round < rounds; ++round)
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      Tiles::template dot<decltype(i)::value, 4 + decltype(i)::value % 2, 6 + decltype(i)::value / 2>();
    });
  Tiles::end();
  return rounds * 4 * 2 * (16 * 16 * 32);
}

template <class Isa>
std::int64_t peak_operations(std::int64_t rounds) noexcept {
  if constexpr (requires { typename Isa::Tiles; }) {
    return peak_tile_operations<typename Isa::Tiles>(rounds);
  } else {
    using Step = PeakStep<Isa>;
    auto x = Step::value(100);
    asm volatile("" : "+m"(x));  // from here on the compiler knows nothing of its value
    typename Step::Register sums[peak_chains];
    unroll<peak_chains>([&](auto i) __attribute__((always_inline)) { sums[i] = Step::value(i); });
    for (std::int64_t round = 0; round < rounds; ++round)
      unroll<peak_chains>([&](auto i) __attribute__((always_inline)) { sums[i] = Step::step(sums[i], x); });
    // A copy: an array that assembly reads lives in memory, and the loop would store every sum.
    typename Step::Register kept[peak_chains];
    unroll<peak_chains>([&](auto i) __attribute__((always_inline)) { kept[i] = sums[i]; });
    asm volatile("" : : "m"(kept) : "memory");
    return rounds * peak_chains * Step::operations;
  }
}

/// Two streams of four registers at once, so that no load waits for a sum.
template <class Isa>
float read_memory(const std::byte* data, std::int64_t bytes) noexcept {
  using V = typename Isa::Vector;
  constexpr int streams = 2, registers = 4;
  constexpr auto step = static_cast<std::int64_t>(registers * V::size);
  const auto* const floats = reinterpret_cast<const float*>(data);
  const std::int64_t length = bytes / static_cast<std::int64_t>(sizeof(float)) / streams;  // of a stream
  V sums[streams * registers];
  unroll<streams * registers>([&](auto i) __attribute__((always_inline)) { sums[i] = V(0.0f); });
  for (std::int64_t at = 0; at < length; at += step)
    unroll<streams * registers>([&](auto i) __attribute__((always_inline)) {
      const std::int64_t place =
          i / registers * length + at + i % registers * static_cast<std::int64_t>(V::size);
      sums[i] = sums[i] + V::load_unaligned(floats + place);
    });
  float total = 0;
  unroll<streams * registers>([&](auto i) __attribute__((always_inline)) { total += sum(sums[i]); });
  return total;
}

}  // namespace linnet::kernels
