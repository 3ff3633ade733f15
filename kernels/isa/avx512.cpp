// isa/avx512.cpp - the kernels for AVX-512 F, BW, CD, DQ and VL. The only file that knows this instruction
// set.
#include "../make_table.hpp"

namespace linnet::kernels {
namespace {

struct Avx512 {
  static constexpr std::string_view name = "avx512";
  using Vector = xsimd::batch<float, xsimd::avx512bw>;
};

}  // namespace

extern constexpr Table avx512_table = make_table<Avx512>();

}  // namespace linnet::kernels
