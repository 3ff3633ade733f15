# compiler-cache.sh - to be sourced: compiles through ccache where it is installed, so that the checks that build the
# library again as its users do (add_subdirectory, pip) find what the release build made. Changes no flag.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  CCACHE_BASEDIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  export CCACHE_BASEDIR CCACHE_NOHASHDIR=1
fi
