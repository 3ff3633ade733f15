// isa/avx512vnni.cpp - the kernels for AVX-512 with VNNI. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_512.hpp"

namespace linnet::kernels {
namespace {

struct Avx512Vnni : Bytes512 {
  static constexpr std::string_view name = "avx512vnni";
  static constexpr int signed_bias = 128;
  static constexpr int step_operations = 128;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) {
    return _mm512_dpbusd_epi32(sum, x, x);
  }

  template <int Quads, bool Signed, int>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, std::int32_t bias) {
    __m512i sum = Signed ? _mm512_set1_epi32(bias) : _mm512_setzero_si512();
    for (int q = 0; q < Quads; ++q) sum = _mm512_dpbusd_epi32(sum, levels[q], broadcast_quad(x + 4 * q));
    return _mm512_cvtepi32_ps(sum);
  }
};

}  // namespace

extern constexpr Table avx512vnni_table = make_table<Avx512Vnni>();

}  // namespace linnet::kernels
