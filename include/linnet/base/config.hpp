// base/config.hpp - how the library is built: compiled once, or from headers alone. Never holds code.
#pragma once

// Bodies in .ipp files carry this mark: `inline` in a header-only build, nothing where src/ compiles them
// once.
#ifdef LINNET_HEADER_ONLY
#define LINNET_INLINE inline
#else
#define LINNET_INLINE
#endif

// Small functions that kernels share. Forced inlining leaves no weak symbol behind, which the linker could
// otherwise take from an object that was built for a newer instruction set than the machine has.
#define LINNET_ALWAYS_INLINE [[gnu::always_inline]] inline
