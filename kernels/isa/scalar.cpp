// isa/scalar.cpp - the kernels for every machine, one float at a time: the reference. The only file that
// knows them.
#include "../make_table.hpp"
#include "bytes_scalar.hpp"

namespace linnet::kernels {
namespace {

struct Scalar : ScalarBytes {
  static constexpr std::string_view name = "scalar";
};

}  // namespace

extern constexpr Table scalar_table = make_table<Scalar>();

}  // namespace linnet::kernels
