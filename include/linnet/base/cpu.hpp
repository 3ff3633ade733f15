// base/cpu.hpp - which vector instructions the processor and the operating system grant. Never chooses among
// them.
#pragma once

#include <linnet/base/config.hpp>

namespace linnet {

/// What the machine can run. A bit is set only when the processor has the instructions AND the operating
/// system saves their registers.
struct CpuFeatures {
  bool avx2 = false;      // AVX2, FMA, F16C
  bool avx_vnni = false;  // 256-bit VNNI without AVX-512
  bool avx512 = false;    // AVX-512 F, BW, CD, DQ, VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool amx = false;  // tiles with int8 and bfloat16 products, permission granted to this process
  bool neon = false;
  bool neon_dotprod = false;  // dot products of bytes
  bool neon_i8mm = false;     // matrix products of bytes, beside dot products
};

/// Read once; the same for the life of the process.
const CpuFeatures& cpu_features();

}  // namespace linnet

#ifdef LINNET_HEADER_ONLY
#include <linnet/base/cpu.ipp>
#endif
