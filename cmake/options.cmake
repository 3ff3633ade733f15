# What can be chosen at configure time. Defaults: everything where linnet is the top project, the library alone elsewhere.
option(LINNET_BUILD_CLI "Build the program linnet" ${PROJECT_IS_TOP_LEVEL})
option(LINNET_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(LINNET_BUILD_BENCHMARKS "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(LINNET_BUILD_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
option(LINNET_PYTHON "Build the compiled half of the Python package (needs pybind11)" OFF)
option(LINNET_INSTALL "Install the library and the program" ${PROJECT_IS_TOP_LEVEL})
option(LINNET_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
option(LINNET_UNITY_BUILD "Compile the program, the tests and the Python module eight files at a time" ON)
set(LINNET_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# The files of a target that are compiled together: most of the time goes to headers, which are then read once.
function(linnet_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${LINNET_UNITY_BUILD} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# linnet_build carries what every object of the project is compiled with; it is never installed.
add_library(linnet_build INTERFACE)
target_compile_features(linnet_build INTERFACE cxx_std_20)
target_include_directories(linnet_build INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_options(linnet_build INTERFACE -Wall -Wextra -ffp-contract=off)
if(LINNET_WARNINGS_AS_ERRORS)
  target_compile_options(linnet_build INTERFACE -Werror)
endif()
if(LINNET_SANITIZE)
  target_compile_options(linnet_build INTERFACE -fsanitize=${LINNET_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(linnet_build INTERFACE -fsanitize=${LINNET_SANITIZE})
  if(LINNET_SANITIZE MATCHES "undefined")
    target_compile_options(linnet_build INTERFACE -fno-sanitize-recover=undefined -D_GLIBCXX_ASSERTIONS)
  endif()
  # A target may take some checks back; what stands last counts. linnet_cheap_checks leaves those of memory and numbers, and
  # takes those of pointers that are not followed, which make compiling 1.5 to 5 times as long.
  set(linnet_cheap_checks -fno-sanitize=null,alignment,object-size,pointer-overflow,vptr)
  target_compile_options(linnet_build INTERFACE $<TARGET_PROPERTY:LINNET_SANITIZE_LESS>)
  # For what is not the library: it takes half the time to compile, and the library does the work.
  set(linnet_quick_to_compile -O0 ${linnet_cheap_checks})
  # What the checks add makes g++ 12 warn about its own <regex> (GCC bug 105562); the release build warns as always.
  target_compile_options(linnet_build INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
