// quant/levels.hpp - the sets of levels that a search rounds to. Never chooses a scale.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <linnet/quant/nibble_table.hpp>
#include <linnet/quant/round.hpp>

namespace linnet::quant::detail {

// Elements are taken eight at a time and sums kept in eight parts, which compilers turn into vectors as they
// stand.
inline constexpr int lanes = 8;
using Lanes = float[lanes];

LINNET_ALWAYS_INLINE float add_lanes(const Lanes& part) noexcept {
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
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
  /// Percent of the largest magnitude that the shortest reach of the levels tried covers.
  static constexpr int nearest_reach = 80;
  constexpr float operator[](int) const noexcept { return 1; }
  constexpr EqualWeights from(int) const noexcept { return {}; }
};

/// Weights of any size. Where the largest magnitude has little weight, cutting it short may be best.
struct GivenWeights {
  const float* weight;

  static constexpr int nearest_reach = 50;
  float operator[](int i) const noexcept { return weight[i]; }
  GivenWeights from(int i) const noexcept { return {weight + i}; }
};

/// function(EqualWeights) or function(GivenWeights).
template <class Function>
LINNET_ALWAYS_INLINE auto with_weights(const float* weights, Function&& function) noexcept {
  return weights ? function(GivenWeights{weights}) : function(EqualWeights{});
}

/// lowest, lowest + 1, ..., highest.
class EvenLevels {
 public:
  EvenLevels(int lowest, int highest) noexcept
      : lowest_(static_cast<float>(lowest)), highest_(static_cast<float>(highest)) {}

  float lowest() const noexcept { return lowest_; }
  float highest() const noexcept { return highest_; }

  /// The level nearest to each of eight values.
  LINNET_ALWAYS_INLINE void round(const Lanes& value, Lanes& level) const noexcept {
    for (int j = 0; j < lanes; ++j) level[j] = static_cast<float>(round_to_int(value[j], lowest_, highest_));
  }

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

  LINNET_ALWAYS_INLINE static void round(const Lanes& value, Lanes& level) noexcept {
    constexpr NibbleTable table = iq4_table();
    for (int j = 0; j < lanes; ++j) level[j] = table.value[index(value[j])];
  }

  LINNET_ALWAYS_INLINE static std::uint8_t index(float value) noexcept {
    const int half = round_to_int(2 * value - 0.5f, -256, 255);
    return nearest_iq4[static_cast<std::size_t>(half + 256)];
  }
};

}  // namespace linnet::quant::detail
