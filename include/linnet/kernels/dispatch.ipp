// kernels/dispatch.ipp - the body of dispatch.hpp: one row per instruction set, best first.
#pragma once

#include <cstdlib>
#include <string>

#include <linnet/base/cpu.hpp>
#include <linnet/base/error.hpp>
#include <linnet/kernels/dispatch.hpp>
#ifdef LINNET_HEADER_ONLY
#include <linnet/kernels/header_only.hpp>
#endif

namespace linnet::kernels {

#ifndef LINNET_HEADER_ONLY
extern const Table scalar_table, avx2_table, avxvnni_table, avx512_table, avx512vnni_table, amx_table;
extern const Table neon_table, neon_dotprod_table, neon_i8mm_table;
#endif

LINNET_INLINE std::span<const Choice> choices() {
  [[maybe_unused]] const CpuFeatures& cpu = cpu_features();
  static const Choice rows[] = {
#ifdef LINNET_HEADER_ONLY
      {&header_only_table, true},
#elif defined(__x86_64__)
      {&amx_table, cpu.amx},       {&avx512vnni_table, cpu.avx512_vnni},
      {&avx512_table, cpu.avx512}, {&avxvnni_table, cpu.avx_vnni},
      {&avx2_table, cpu.avx2},
#elif defined(__aarch64__)
      {&neon_i8mm_table, cpu.neon_i8mm},
      {&neon_dotprod_table, cpu.neon_dotprod},
      {&neon_table, cpu.neon},
#endif
#ifndef LINNET_HEADER_ONLY
      {&scalar_table, true},
#endif
  };
  return rows;
}

namespace detail {

/// @param source  where the name comes from, for the error
inline const Table& find_table(std::string_view isa, std::string_view source) {
  std::string names;
  for (const Choice& choice : choices()) {
    if (choice.available && choice.table->isa == isa) return *choice.table;
    if (choice.available) names += concat(names.empty() ? "" : ", ", choice.table->isa);
  }
  fail(ErrorCode::invalid_argument, source, "instruction set \"", isa,
       "\" is not available here; this machine can run: ", names);
}

}  // namespace detail

LINNET_INLINE const Table& find_table(std::string_view isa) { return detail::find_table(isa, ""); }

LINNET_INLINE std::string_view forced_isa() {
  const char* const isa = std::getenv("LINNET_ISA");
  return isa ? isa : "";
}

LINNET_INLINE const Table& active() {
  static const Table& table = [&]() -> const Table& {
    if (!forced_isa().empty()) return detail::find_table(forced_isa(), "LINNET_ISA: ");
    for (const Choice& choice : choices())
      if (choice.available) return *choice.table;
    return *choices().back().table;
  }();
  return table;
}

}  // namespace linnet::kernels
