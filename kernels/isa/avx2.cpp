// isa/avx2.cpp - the kernels for AVX2 with FMA and F16C. The only file that knows this instruction set.
#include "../make_table.hpp"

namespace linnet::kernels {
namespace {

struct Avx2 {
  static constexpr std::string_view name = "avx2";
  using Vector = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
};

}  // namespace

extern constexpr Table avx2_table = make_table<Avx2>();

}  // namespace linnet::kernels
