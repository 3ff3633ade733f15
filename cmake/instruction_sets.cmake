# One object per instruction set, each with its own flags. Adding one: a line here, a file in kernels/isa, a row in
# include/linnet/kernels/dispatch.ipp.
function(linnet_isa target name)
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/kernels/isa/${name}.cpp)
    return()
  endif()
  add_library(linnet_isa_${name} OBJECT ${PROJECT_SOURCE_DIR}/kernels/isa/${name}.cpp)
  target_link_libraries(linnet_isa_${name} PRIVATE linnet_build xsimd)
  target_include_directories(linnet_isa_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  # Optimised always: at -O0 functions that should vanish into their callers stay behind as weak symbols. Loops over
  # registers (at most 8) are to be unrolled, but not those over bytes, which g++ then no longer vectorises.
  # Under a sanitizer less of both, since its checks make minutes of them.
  if(LINNET_SANITIZE)
    set(optimisation -O1 -g0)
  else()
    set(optimisation -O3 $<$<CXX_COMPILER_ID:GNU>:--param=max-completely-peel-times=8>)
  endif()
  target_compile_options(linnet_isa_${name} PRIVATE ${optimisation} ${ARGN} -fno-exceptions -fno-lto -ffp-contract=off)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:linnet_isa_${name}>)
endfunction()

function(linnet_add_instruction_sets target)
  linnet_isa(${target} scalar)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    linnet_isa(${target} avx2 -mavx2 -mfma -mf16c)
    linnet_isa(${target} avxvnni -mavx2 -mfma -mf16c -mavxvnni)
    # g++ 12 warns about its own AVX-512 headers (GCC bug 105593).
    set(avx512 -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl -mavx2 -mfma -mf16c
        $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    linnet_isa(${target} avx512 ${avx512})
    linnet_isa(${target} avx512vnni ${avx512} -mavx512vnni)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    linnet_isa(${target} neon)
    linnet_isa(${target} neon_dotprod -march=armv8.2-a+dotprod)
    linnet_isa(${target} neon_i8mm -march=armv8.2-a+dotprod+i8mm)
  endif()
endfunction()
