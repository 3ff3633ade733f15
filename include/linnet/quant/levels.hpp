// quant/levels.hpp - the sets of levels that a search rounds to. Never chooses a scale.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <linnet/quant/nibble_table.hpp>
#include <linnet/quant/round.hpp>

namespace linnet::quant::detail {

// Searches work on eight numbers side by side: elements, or candidates. A vector type of the compiler, which
// cuts it up where registers are narrower: sums have the same eight parts, and so the same bits, everywhere.
inline constexpr int lanes = 8;
using Lanes = float __attribute__((vector_size(4 * lanes)));

LINNET_ALWAYS_INLINE void load_lanes(const float* x, Lanes& out) noexcept {
  std::memcpy(&out, x, sizeof out);
}

LINNET_ALWAYS_INLINE float add_lanes(const Lanes& part) noexcept {
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

/// round_to_int() of each lane, which is a number, as a float.
LINNET_ALWAYS_INLINE void round_lanes(Lanes& value, float lowest, float highest) noexcept {
  constexpr float shifter = 12582912.0f;
  const Lanes least = lowest + Lanes{}, most = highest + Lanes{};
  value = value > least ? value : least;
  value = value < most ? value : most;
  value = (value + shifter) - shifter;
}

/// The lane of the largest value that exceeds `least`, or -1.
LINNET_ALWAYS_INLINE int find_largest(const Lanes& value, float least) noexcept {
  int best = -1;
  for (int j = 0; j < lanes; ++j)
    if (value[j] > least) best = j, least = value[j];
  return best;
}

/// The largest and the smallest of n values, a multiple of eight.
struct Extremes {
  float smallest, largest;
};
LINNET_ALWAYS_INLINE Extremes find_extremes(const float* x, int n) noexcept {
  Lanes low, high, next;
  load_lanes(x, low);
  high = low;
  for (int i = lanes; i < n; i += lanes) {
    load_lanes(x + i, next);
    low = next < low ? next : low;
    high = next > high ? next : high;
  }
  Extremes out = {low[0], high[0]};
  for (int j = 1; j < lanes; ++j) {
    out.smallest = low[j] < out.smallest ? low[j] : out.smallest;
    out.largest = high[j] > out.largest ? high[j] : out.largest;
  }
  return out;
}

/// Copies n values; NaN becomes 0, and magnitudes end at 2^30, which is beyond every type's reach: squares
/// and their sums stay finite.
LINNET_ALWAYS_INLINE void copy_finite(const float* x, int n, float* out) noexcept {
  constexpr float limit = 1 << 30;
  for (int i = 0; i < n; ++i) {
    const float value = x[i] == x[i] ? x[i] : 0.0f;
    const float bounded = value < limit ? value : limit;
    out[i] = bounded > -limit ? bounded : -limit;
  }
}

/// The weights of errors that all count alike; they vanish from the sums.
struct EqualWeights {
  /// The least percent of the largest magnitude that the scales tried reach, 80 or 40, and their distance.
  static constexpr int least_reach = 80, reach_step = 5;

  LINNET_ALWAYS_INLINE constexpr float operator[](int) const noexcept { return 1; }
  LINNET_ALWAYS_INLINE constexpr EqualWeights from(int) const noexcept { return {}; }
  /// value[j] *= weight of element i + j.
  LINNET_ALWAYS_INLINE void apply(int, Lanes&) const noexcept {}
};

/// Weights of any size. Where the largest magnitude has little weight, cutting it short may be best.
struct GivenWeights {
  const float* weight;

  static constexpr int least_reach = 40, reach_step = 7;

  LINNET_ALWAYS_INLINE float operator[](int i) const noexcept { return weight[i]; }
  LINNET_ALWAYS_INLINE GivenWeights from(int i) const noexcept { return {weight + i}; }
  LINNET_ALWAYS_INLINE void apply(int i, Lanes& value) const noexcept {
    Lanes w;
    load_lanes(weight + i, w);
    value *= w;
  }
};

/// lowest, lowest + 1, ..., highest.
class EvenLevels {
 public:
  EvenLevels(int lowest, int highest) noexcept
      : lowest_(static_cast<float>(lowest)), highest_(static_cast<float>(highest)) {}

  float lowest() const noexcept { return lowest_; }
  float highest() const noexcept { return highest_; }

  /// Makes each of eight values the level nearest to it.
  LINNET_ALWAYS_INLINE void round(Lanes& value) const noexcept { round_lanes(value, lowest_, highest_); }

  /// Its number, counted from the lowest.
  LINNET_ALWAYS_INLINE std::uint8_t index(float value) const noexcept {
    return static_cast<std::uint8_t>(round_to_int(value, lowest_, highest_) - static_cast<int>(lowest_));
  }

 private:
  float lowest_, highest_;
};

/// For each half unit from -128 to 127.5, the index of the value of iq4_table() nearest to what lies above
/// it. Values are whole numbers, so the middle between two never lies inside a half unit.
inline constexpr auto nearest_iq4 = [] {
  constexpr NibbleTable table = iq4_table();
  std::array<std::uint8_t, 512> out{};
  for (int half = 0, i = 0; half < 512; ++half) {
    while (i < 15 && half - 256 >= table.value[i] + table.value[i + 1]) ++i;
    out[static_cast<std::size_t>(half)] = static_cast<std::uint8_t>(i);
  }
  return out;
}();

/// The values of iq4_table().
class Iq4Levels {
 public:
  static constexpr float lowest() noexcept { return -127; }
  static constexpr float highest() noexcept { return 113; }

  LINNET_ALWAYS_INLINE static void round(Lanes& value) noexcept {
    constexpr NibbleTable table = iq4_table();
    for (int j = 0; j < lanes; ++j) value[j] = table.value[index(value[j])];
  }

  LINNET_ALWAYS_INLINE static std::uint8_t index(float value) noexcept {
    const int half = round_to_int(2 * value - 0.5f, -256, 255);
    return nearest_iq4[static_cast<std::size_t>(half + 256)];
  }
};

}  // namespace linnet::quant::detail
