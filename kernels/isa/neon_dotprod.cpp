// isa/neon_dotprod.cpp - the kernels for 64-bit Arm with dot products of bytes (FEAT_DotProd). The only file
// that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_neon.hpp"

namespace linnet::kernels {
namespace {

struct NeonDotprod : NeonDotprodBytes {
  static constexpr std::string_view name = "neon_dotprod";
};

}  // namespace

extern constexpr Table neon_dotprod_table = make_table<NeonDotprod>();

}  // namespace linnet::kernels
