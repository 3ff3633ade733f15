// isa/avxvnni.cpp - the kernels for AVX2 with AVX-VNNI. The only file that knows this instruction set.
#include "../make_table.hpp"
#include "bytes_256.hpp"

namespace linnet::kernels {
namespace {

struct AvxVnni : Bytes256 {
  static constexpr std::string_view name = "avxvnni";
  static constexpr int signed_bias = 128;
  static constexpr int step_operations = 64;

  LINNET_ALWAYS_INLINE static Bytes multiply_step(Bytes sum, Bytes x) {
    return _mm256_dpbusd_avx_epi32(sum, x, x);
  }

  template <int Quads, bool, int>
  LINNET_ALWAYS_INLINE static Vector dot(const Bytes* levels, const std::int8_t* x, Bytes start) {
    __m256i sum = start;
    for (int q = 0; q < Quads; ++q) sum = _mm256_dpbusd_avx_epi32(sum, levels[q], broadcast_quad(x + 4 * q));
    return _mm256_cvtepi32_ps(sum);
  }
};

}  // namespace

extern constexpr Table avxvnni_table = make_table<AvxVnni>();

}  // namespace linnet::kernels
