# Every library that linnet is built with: the system's package first, its source from the network where there is none.
include(FetchContent)
list(APPEND CMAKE_MODULE_PATH ${PROJECT_SOURCE_DIR}/cmake)  # Findxsimd.cmake and Findutf8proc.cmake, installed, too

# linnet_dependency(<package> <target> <git> <tag> [<version>]): makes <target> available.
macro(linnet_dependency package target git tag)
  find_package(${package} ${ARGN} QUIET)
  if(NOT TARGET ${target})
    message(STATUS "linnet: no system ${package}; fetching ${tag}")
    FetchContent_Declare(${package} GIT_REPOSITORY ${git} GIT_TAG ${tag} GIT_SHALLOW ON)
    FetchContent_MakeAvailable(${package})
  endif()
endmacro()

linnet_dependency(xsimd xsimd https://github.com/xtensor-stack/xsimd.git 14.0.0 8)
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(linnet_build INTERFACE OpenMP::OpenMP_CXX)

linnet_dependency(utf8proc utf8proc::utf8proc https://github.com/JuliaStrings/utf8proc.git v2.9.0)
if(NOT TARGET utf8proc::utf8proc)
  # Imported, not an alias: an installed linnet looks it up again under this name.
  add_library(utf8proc::utf8proc INTERFACE IMPORTED)
  target_link_libraries(utf8proc::utf8proc INTERFACE utf8proc)
endif()
target_link_libraries(linnet_build INTERFACE utf8proc::utf8proc)

if(LINNET_BUILD_CLI OR LINNET_BUILD_TESTS OR LINNET_BUILD_BENCHMARKS)
  linnet_dependency(nlohmann_json nlohmann_json::nlohmann_json https://github.com/nlohmann/json.git v3.11.3)
  linnet_dependency(CLI11 CLI11::CLI11 https://github.com/CLIUtils/CLI11.git v2.4.2)
endif()
if(LINNET_BUILD_TESTS)
  linnet_dependency(GTest GTest::gtest_main https://github.com/google/googletest.git v1.14.0)
  linnet_dependency(Eigen3 Eigen3::Eigen https://gitlab.com/libeigen/eigen.git 3.4.0)
endif()
if(LINNET_BUILD_BENCHMARKS)
  linnet_dependency(benchmark benchmark::benchmark https://github.com/google/benchmark.git v1.8.3)
  linnet_dependency(Eigen3 Eigen3::Eigen https://gitlab.com/libeigen/eigen.git 3.4.0)
endif()
