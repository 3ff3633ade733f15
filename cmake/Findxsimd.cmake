# Finds xsimd's headers by their own version: its packages refuse every major version but the one asked for, and linnet
# takes any from 8 on. Used here and by the installed package.
find_path(xsimd_INCLUDE_DIR xsimd/xsimd.hpp)
mark_as_advanced(xsimd_INCLUDE_DIR)
set(xsimd_VERSION 0)
if(xsimd_INCLUDE_DIR AND EXISTS ${xsimd_INCLUDE_DIR}/xsimd/config/xsimd_config.hpp)
  file(STRINGS ${xsimd_INCLUDE_DIR}/xsimd/config/xsimd_config.hpp xsimd_version_line
       REGEX "define XSIMD_VERSION_MAJOR [0-9]+")
  string(REGEX MATCH "[0-9]+" xsimd_VERSION "${xsimd_version_line}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xsimd REQUIRED_VARS xsimd_INCLUDE_DIR VERSION_VAR xsimd_VERSION)
if(xsimd_FOUND AND NOT TARGET xsimd)
  add_library(xsimd INTERFACE IMPORTED)
  set_target_properties(xsimd PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${xsimd_INCLUDE_DIR})
endif()
