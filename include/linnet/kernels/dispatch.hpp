// kernels/dispatch.hpp - the tables that this build holds, and the choice of one. Never holds a kernel.
#pragma once

#include <span>
#include <string_view>

#include <linnet/base/config.hpp>
#include <linnet/kernels/table.hpp>

namespace linnet::kernels {

/// One instruction set of this build.
struct Choice {
  const Table* table;
  bool available;  // the machine can run it
};

/// Every table of this build, best first; the last is the scalar reference, which is always available.
std::span<const Choice> choices();

/// What the environment variable LINNET_ISA says; empty: nothing.
std::string_view forced_isa();

/// The best available table, or the one that the environment variable LINNET_ISA names. Chosen once.
/// @throws Error(invalid_argument) listing the choices where LINNET_ISA names none of them or one that this
/// machine cannot run.
const Table& active();

/// The available table of this name. @throws Error(invalid_argument) as active().
const Table& find_table(std::string_view isa);

}  // namespace linnet::kernels

#ifdef LINNET_HEADER_ONLY
#include <linnet/kernels/dispatch.ipp>
#endif
