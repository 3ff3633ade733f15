# One object per instruction set, each with its own flags. Adding one: a line here, a file in kernels/isa, a row in
# include/linnet/kernels/dispatch.ipp.
function(linnet_isa target name)
  linnet_isa_object(${target} linnet_isa_${name} ${PROJECT_SOURCE_DIR}/kernels/isa/${name}.cpp ${ARGN})
endfunction()

function(linnet_isa_object target name source)
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE linnet_build xsimd)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  # Optimised always: at -O0 functions that should vanish into their callers stay behind as weak symbols. Loops over
  # registers (at most 8) are to be unrolled, but not those over bytes, which g++ then no longer vectorises.
  # Sums stay where and as they are written: formed later, or as a tree, they need more registers than there are.
  # Under a sanitizer less of both. The templates are the same for all, so that scalar code has every check, two sets and
  # emulated lanes have cheap ones, and others none.
  if(LINNET_SANITIZE)
    set(optimisation -O1 -g0 -fno-sanitize-address-use-after-scope)
    if(name MATCHES "_(avx2|avx512vnni|lanes)$")
      set_target_properties(${name} PROPERTIES LINNET_SANITIZE_LESS "${linnet_cheap_checks}")
    elseif(NOT name MATCHES "_scalar$")
      set_target_properties(${name} PROPERTIES LINNET_SANITIZE_LESS "-fno-sanitize=all")
    endif()
  else()
    set(optimisation -O3 $<$<CXX_COMPILER_ID:GNU>:--param=max-completely-peel-times=8>
      $<$<CXX_COMPILER_ID:GNU>:-fno-tree-reassoc> $<$<CXX_COMPILER_ID:GNU>:-fno-tree-ter>)
  endif()
  target_compile_options(${name} PRIVATE ${optimisation} ${ARGN} -fno-exceptions -fno-lto -ffp-contract=off)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${name}>)
endfunction()

# g++ 12 warns about its own AVX-512 headers (GCC bug 105593).
set(linnet_avx512 -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mavx2 -mfma -mf16c
  $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

function(linnet_add_instruction_sets target)
  linnet_isa(${target} scalar)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    linnet_isa(${target} avx2 -mavx2 -mfma -mf16c)
    linnet_isa(${target} avxvnni -mavx2 -mfma -mf16c -mavxvnni)
    linnet_isa(${target} avx512 ${linnet_avx512})
    linnet_isa(${target} avx512vnni ${linnet_avx512} -mavx512vnni)
    linnet_isa(${target} amx ${linnet_avx512} -mavx512vnni)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    linnet_isa(${target} neon)
    linnet_isa(${target} neon_dotprod -march=armv8.2-a+dotprod)
    linnet_isa(${target} neon_i8mm -march=armv8.2-a+dotprod+i8mm)
  endif()
endfunction()

# For tests: AMX's kernels with emulated tile registers, among real vector registers and emulated ones.
function(linnet_emulate_tiles target)
  linnet_isa_object(${target} linnet_emulated_lanes ${PROJECT_SOURCE_DIR}/tests/kernels/emulated_lanes.cpp)
  target_compile_options(linnet_emulated_lanes PRIVATE -O1)
  linnet_isa_object(${target} linnet_emulated_tiles ${PROJECT_SOURCE_DIR}/tests/kernels/emulated_tiles.cpp
    ${linnet_avx512} -mavx512vnni)
  target_compile_definitions(${target} PRIVATE LINNET_EMULATED_TILES)
endfunction()
