// my_kernel/main.cpp - a product of one's own and a tensor type of one's own, tested and measured beside
// linnet's. Copy this folder anywhere, and change it: linnet itself need not be touched. See docs/kernels.md.
#include <cmath>
#include <cstdint>
#include <memory>

#include <linnet/laboratory/own_kernel.hpp>
#include <linnet/quant/formats.hpp>

#include "packed_kernel.hpp"

namespace {

/// A product for a tensor type that linnet has: blocks, quantize and dequantize are inherited.
struct MyQ8 : linnet::quant::Q8_0 {
  static constexpr std::string_view name = "mine";

  /// A sum for each place in a block: the loop over places has no order of additions to keep, and the
  /// compiler turns all of it into vectors.
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float sums[block_length] = {};
    for (const Block* block = row; block != row + cols / block_length; ++block, x += block_length) {
      const float scale = linnet::to_float(block->d);
      for (int i = 0; i < block_length; ++i) sums[i] += scale * static_cast<float>(block->qs[i]) * x[i];
    }
    float sum = 0;
    for (float s : sums) sum += s;
    return sum;
  }
};

/// A tensor type that no file has: weights of -d, 0 or d in two bits; 2.25 bits per weight.
/// Source of the threshold: Li and Liu, Ternary Weight Networks, 2016.
struct Ternary {
  static constexpr std::string_view name = "mine", type = "TERNARY";
  static constexpr double block_error = 0.45;  // the default would let worse pass
  static constexpr std::int64_t block_length = 64;
  struct Block {
    linnet::Half d;
    std::uint8_t codes[16];  // 1 + sign of weight 4 * i + k in the bits from 2 * k on of byte i
  };

  static void quantize(const float* x, Block& block) noexcept {
    float size = 0, kept = 0, kept_count = 0;
    for (int i = 0; i < block_length; ++i) size += std::fabs(x[i]) / block_length;
    const float threshold = 0.7f * size;
    for (int i = 0; i < block_length; ++i)
      if (std::fabs(x[i]) > threshold) kept += std::fabs(x[i]), ++kept_count;
    block = {linnet::to_half(kept_count > 0 ? kept / kept_count : 0), {}};
    for (int i = 0; i < block_length; ++i) {
      const int sign = x[i] > threshold ? 1 : x[i] < -threshold ? -1 : 0;
      block.codes[i / 4] = static_cast<std::uint8_t>(block.codes[i / 4] | (sign + 1) << 2 * (i % 4));
    }
  }

  static void dequantize(const Block& block, float* y) noexcept {
    const float d = linnet::to_float(block.d);
    for (int i = 0; i < block_length; ++i)
      y[i] = d * static_cast<float>((block.codes[i / 4] >> 2 * (i % 4) & 3) - 1);
  }

  /// The simplest that is right: levels to floats, then a product as above.
  static float dot(const Block* row, const float* x, std::int64_t cols) noexcept {
    float sums[16] = {};
    for (const Block* block = row; block != row + cols / block_length; ++block, x += block_length) {
      float weights[block_length];
      dequantize(*block, weights);
      for (int i = 0; i < block_length; ++i) sums[i % 16] += weights[i] * x[i];
    }
    float sum = 0;
    for (float s : sums) sum += s;
    return sum;
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace linnet::laboratory;
  return run_laboratory({own_kernel<MyQ8>(), own_kernel<Ternary>(), std::make_shared<PackedQ8>()}, argc,
                        argv);
}
