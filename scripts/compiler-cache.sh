# compiler-cache.sh - to be sourced: compiles through ccache where it is installed, so that the checks that build the
# library again as its users do (add_subdirectory, pip) find what the release build made. Changes no flag.
# ccache tells compilers apart by name, and CMake and pip would choose different ones. Paths stay absolute: relative ones
# (CCACHE_BASEDIR) would differ with the depth of a build folder, and nothing would be found.
if command -v ccache >/dev/null; then
  export CXX=${CXX:-c++} CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_NOHASHDIR=1
fi
