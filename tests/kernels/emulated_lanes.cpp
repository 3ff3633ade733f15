// emulated_lanes.cpp - AMX's tile kernels with tile registers and vectors of sixteen lanes in plain memory:
// the templates are tested on every machine. Compiled for none in particular.
#include <bit>
#include <cmath>
#include <cstring>

#include "emulated_tiles.hpp"

#include "../../kernels/isa/bytes_scalar.hpp"

namespace linnet::kernels {
namespace {

constexpr int lanes = 16;

struct Mask {
  bool lane[lanes];
};

/// Sixteen floats with the face of xsimd::batch.
struct Floats {
  static constexpr std::size_t size = lanes;
  float lane[lanes];

  Floats() = default;
  Floats(float x) {
    for (float& l : lane) l = x;
  }
  template <class F>
  static Floats each(F f) {
    Floats out;
    for (int i = 0; i < lanes; ++i) out.lane[i] = f(i);
    return out;
  }
  static Floats load_unaligned(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  void store_unaligned(float* p) const { std::memcpy(p, lane, sizeof lane); }

  friend Floats operator+(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  friend Floats operator-(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  friend Floats operator*(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  friend Floats operator/(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  friend Floats fma(const Floats& a, const Floats& b, const Floats& c) {
    return each([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  friend Floats fms(const Floats& a, const Floats& b, const Floats& c) {
    return each([&](int i) { return std::fma(a.lane[i], b.lane[i], -c.lane[i]); });
  }
  friend Floats fnma(const Floats& a, const Floats& b, const Floats& c) {
    return each([&](int i) { return std::fma(-a.lane[i], b.lane[i], c.lane[i]); });
  }
  // Where one is no number the second is taken, as by vminps and vmaxps.
  friend Floats min(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend Floats max(const Floats& a, const Floats& b) {
    return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend Mask operator<(const Floats& a, const Floats& b) {
    Mask out;
    for (int i = 0; i < lanes; ++i) out.lane[i] = a.lane[i] < b.lane[i];
    return out;
  }
  friend Floats select(const Mask& which, const Floats& a, const Floats& b) {
    return each([&](int i) { return which.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  friend Floats to_int(const Floats& v) { return v; }
  friend Floats ldexp(const Floats& v, const Floats& n) {
    return each([&](int i) { return std::ldexp(v.lane[i], static_cast<int>(n.lane[i])); });
  }
};

float sum(const Floats& v) {
  float total = 0;
  for (const float l : v.lane) total += l;
  return total;
}

struct Words {
  std::uint32_t lane[lanes];
};

/// See ScalarBytes for what each function does.
struct EmulatedLanes {
  static constexpr std::string_view name = "emulated_lanes";
  using Tiles = EmulatedTiles;
  static constexpr std::int64_t tiled_from = 1;

  using Vector = Floats;
  using Bytes = Words;
  using Table = ScalarBytes::Table;
  static constexpr int rows = lanes;
  static constexpr int signed_bias = 128;

  template <class F>
  static Words each(F f) {
    Words out;
    for (int i = 0; i < lanes; ++i) out.lane[i] = f(i);
    return out;
  }
  static Words load(const std::byte* p) {
    Words out;
    std::memcpy(out.lane, p, sizeof out.lane);
    return out;
  }
  static Words broadcast(std::uint32_t word) {
    return each([&](int) { return word; });
  }
  static Words bit_and(const Words& a, const Words& b) {
    return each([&](int i) { return a.lane[i] & b.lane[i]; });
  }
  static Words bit_or(const Words& a, const Words& b) {
    return each([&](int i) { return a.lane[i] | b.lane[i]; });
  }
  static Words bit_xor(const Words& a, const Words& b) {
    return each([&](int i) { return a.lane[i] ^ b.lane[i]; });
  }
  template <int n>
  static Words shift(const Words& a) {
    return each([&](int i) { return ScalarBytes::shift<n>(a.lane[i]); });
  }
  static Table broadcast_table(const std::int8_t (&values)[16]) {
    return ScalarBytes::broadcast_table(values);
  }
  static Words lookup(const Table& table, const Words& index) {
    return each([&](int i) { return ScalarBytes::lookup(table, index.lane[i]); });
  }
  static Floats to_float(const Words& a) {
    return Floats::each([&](int i) { return ScalarBytes::to_float(a.lane[i]).value; });
  }
  static Floats as_float(const Words& a) {
    return Floats::each([&](int i) { return ScalarBytes::as_float(a.lane[i]).value; });
  }
  static Floats load_halves(const std::byte* p) {
    return Floats::each([&](int i) { return ScalarBytes::load_halves(p + 2 * i).value; });
  }
  static Words load_words(const std::byte* p) {
    return each([&](int i) { return ScalarBytes::load_words(p + 2 * i); });
  }
  static Floats load_exponents(const std::byte* p) {
    return Floats::each([&](int i) { return ScalarBytes::load_exponents(p + i).value; });
  }
  static constexpr float byte_bias = 256;
  template <int i>
  static Floats biased_byte(const Words& a) {
    return Floats::each(
        [&](int lane) { return byte_bias + static_cast<float>(a.lane[lane] >> 8 * i & 255); });
  }
  static void store_cut_pairs(const Floats& first, const Floats& second, std::byte* to) {
    const auto cut = [](float x) { return std::bit_cast<std::uint32_t>(x) >> 16; };
    const Words pairs = each([&](int i) { return cut(first.lane[i]) | cut(second.lane[i]) << 16; });
    std::memcpy(to, pairs.lane, sizeof pairs.lane);
  }
  static void store_pairs(const Floats& first, const Floats& second, std::byte* to) {
    const auto rounded = [](float x) { return (std::bit_cast<std::uint32_t>(x) + 0x8000u) >> 16; };
    const Words pairs = each([&](int i) { return rounded(first.lane[i]) | rounded(second.lane[i]) << 16; });
    std::memcpy(to, pairs.lane, sizeof pairs.lane);
  }
  static float largest(const Floats& v) {
    float out = v.lane[0];
    for (const float l : v.lane) out = out < l ? l : out;
    return out;
  }
  static Floats times_power_of_two(const Floats& v, const Floats& n) { return ldexp(v, n); }
};

template <class... Format>
constexpr Table with_packing(Table table, quant::FormatList<Format...>) {
  const auto add = [&]<class F>(F) {
    if constexpr (quant::IntegerFormat<F>)
      table.interleave[static_cast<std::size_t>(F::dtype)] = &pack<EmulatedLanes, F>;
  };
  table.interleaved_rows = EmulatedLanes::rows;
  (add(Format()), ...);
  return table;
}

}  // namespace

extern constexpr Table emulated_lanes_table =
    with_packing(make_tiled_table<EmulatedLanes>(quant::Formats{}, CacheFormats{}), quant::Formats{});

}  // namespace linnet::kernels
