// isa/scalar.cpp - the kernels for every machine, one float at a time: the reference. The only file that
// knows this instruction set.
#include "../make_table.hpp"

namespace linnet::kernels {
namespace {

struct Scalar {
  static constexpr std::string_view name = "scalar";
  using Vector = ScalarVector;
};

}  // namespace

extern constexpr Table scalar_table = make_table<Scalar>();

}  // namespace linnet::kernels
