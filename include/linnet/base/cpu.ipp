// base/cpu.ipp - the body of cpu.hpp: CPUID and XGETBV on x86-64, the kernel's capability bits on Arm.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <linnet/base/cpu.hpp>

namespace linnet {
namespace detail {

#if defined(__x86_64__)

struct Cpuid {
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  explicit Cpuid(std::uint32_t leaf, std::uint32_t sub_leaf = 0) {
    __get_cpuid_count(leaf, sub_leaf, &a, &b, &c, &d);
  }
};

constexpr bool bit(std::uint32_t word, int index) { return (word >> index) & 1u; }

// The state that the operating system saves on a switch (XCR0). Written in assembly because the intrinsic
// needs a compiler flag, and this file must run on every machine.
inline std::uint64_t saved_state() {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

// Linux hands out the 8 KiB of tile registers only on request. Source: Documentation/arch/x86/xstate.rst.
inline bool request_tiles() {
#ifdef __linux__
  constexpr long arch_req_xcomp_perm = 0x1023, xfeature_xtiledata = 18;
  return syscall(SYS_arch_prctl, arch_req_xcomp_perm, xfeature_xtiledata) == 0;
#else
  return false;
#endif
}

/// Bit numbers: Intel SDM volume 2A, CPUID.
inline CpuFeatures detect_cpu() {
  CpuFeatures cpu;
  const Cpuid leaf1(1), leaf7(7), leaf7_1(7, 1);
  constexpr int osxsave = 27, fma = 12, f16c = 29;
  if (!bit(leaf1.c, osxsave)) return cpu;
  const std::uint64_t state = saved_state();
  constexpr std::uint64_t ymm = 0x6, zmm = 0xe6, tiles = 0x60000;

  cpu.avx2 = (state & ymm) == ymm && bit(leaf1.c, fma) && bit(leaf1.c, f16c) && bit(leaf7.b, 5);
  cpu.avx_vnni = cpu.avx2 && bit(leaf7_1.a, 4);
  cpu.avx512 = cpu.avx2 && (state & zmm) == zmm && bit(leaf7.b, 16) && bit(leaf7.b, 17) && bit(leaf7.b, 28) &&
               bit(leaf7.b, 30) && bit(leaf7.b, 31);
  cpu.avx512_vnni = cpu.avx512 && bit(leaf7.c, 11);
  cpu.avx512_bf16 = cpu.avx512 && bit(leaf7_1.a, 5);
  cpu.amx = cpu.avx512_vnni && (state & tiles) == tiles && bit(leaf7.d, 22) && bit(leaf7.d, 24) &&
            bit(leaf7.d, 25) && request_tiles();
  return cpu;
}

#elif defined(__aarch64__)

/// Bit numbers: Linux, arch/arm64/include/uapi/asm/hwcap.h.
inline CpuFeatures detect_cpu() {
  CpuFeatures cpu;
  cpu.neon = true;
#ifdef __linux__
  cpu.neon_dotprod = (getauxval(AT_HWCAP) >> 20) & 1;
  cpu.neon_i8mm = cpu.neon_dotprod && ((getauxval(AT_HWCAP2) >> 13) & 1);
#endif
  return cpu;
}

#else

inline CpuFeatures detect_cpu() { return {}; }

#endif

}  // namespace detail

LINNET_INLINE const CpuFeatures& cpu_features() {
  static const CpuFeatures cpu = detail::detect_cpu();
  return cpu;
}

}  // namespace linnet
