// isa/neon.cpp - the kernels for 64-bit Arm. The only file that knows this instruction set.
#include "../make_table.hpp"

namespace linnet::kernels {
namespace {

struct Neon {
  static constexpr std::string_view name = "neon";
  using Vector = xsimd::batch<float, xsimd::neon64>;
};

}  // namespace

extern constexpr Table neon_table = make_table<Neon>();

}  // namespace linnet::kernels
