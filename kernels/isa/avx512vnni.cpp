// isa/avx512vnni.cpp - the kernels for AVX-512 with VNNI. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_512vnni.hpp"

namespace linnet::kernels {
namespace {

struct Avx512Vnni : Bytes512Vnni {
  static constexpr std::string_view name = "avx512vnni";
};

}  // namespace

extern constexpr Table avx512vnni_table = make_table<Avx512Vnni>();

}  // namespace linnet::kernels
