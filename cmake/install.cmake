# What `cmake --install` leaves: the program, the library, its headers, and how CMake and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(linnet_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/linnet)

# Headers. The kernels join the others here: linnet/kernels/header_only.hpp looks for them beside itself.
install(DIRECTORY include/linnet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp")
install(FILES kernels/make_table.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/linnet/kernels)
install(DIRECTORY kernels/ops DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/linnet/kernels)
install(FILES kernels/isa/native.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/linnet/kernels/isa)

# Libraries, as CMake targets.
set_target_properties(linnet PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
install(TARGETS linnet EXPORT linnetTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS linnet_headers EXPORT linnetHeadersTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT linnetTargets NAMESPACE linnet:: DESTINATION ${linnet_package_dir})
install(EXPORT linnetHeadersTargets NAMESPACE linnet:: DESTINATION ${linnet_package_dir})

get_target_property(linnet_type linnet TYPE)
set(linnet_is_shared OFF)
set(linnet_pc_libs "")
if(linnet_type STREQUAL "SHARED_LIBRARY")
  set(linnet_is_shared ON)
else()
  # There is only a static library, so what it is linked with is not private: `--static` makes no difference.
  foreach(library IN LISTS OpenMP_CXX_LIB_NAMES ITEMS utf8proc)
    string(APPEND linnet_pc_libs " -l${library}")
  endforeach()
endif()

configure_package_config_file(cmake/linnetConfig.cmake.in ${PROJECT_BINARY_DIR}/linnetConfig.cmake
                              INSTALL_DESTINATION ${linnet_package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/linnetConfig.cmake ${PROJECT_BINARY_DIR}/linnetConfigVersion.cmake
              cmake/Findutf8proc.cmake cmake/Findxsimd.cmake DESTINATION ${linnet_package_dir})

if(TARGET linnet_cli)
  set_target_properties(linnet_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS linnet_cli)
endif()

# pkg-config. The prefix is found from the file's own place, so that the tree can be moved.
file(RELATIVE_PATH linnet_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/linnet.pc.in ${PROJECT_BINARY_DIR}/linnet.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/linnet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
