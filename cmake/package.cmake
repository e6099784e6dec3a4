# build/sam3labConfig.cmake: find_package(sam3lab) for plugins outside this tree. It hands on the very headers, compiler and LibTorch
# of this build, because the stamp will demand them.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/sam3labConfig.cmake @ONLY CONTENT [[
# Made by CMake. Gives the function sam3lab_plugin(NAME SOURCE...): SOURCE... -> NAME.so, loadable with --plugin or SAM3LAB_PLUGIN_PATH.
if(NOT "${CMAKE_CXX_COMPILER_ID}-${CMAKE_CXX_COMPILER_VERSION}" STREQUAL "@CMAKE_CXX_COMPILER_ID@-@CMAKE_CXX_COMPILER_VERSION@")
  message(FATAL_ERROR "sam3lab was built with @CMAKE_CXX_COMPILER@ (@CMAKE_CXX_COMPILER_ID@ @CMAKE_CXX_COMPILER_VERSION@), this project uses "
    "${CMAKE_CXX_COMPILER} (${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}); give -DCMAKE_CXX_COMPILER=@CMAKE_CXX_COMPILER@")
endif()
set(sam3lab_VERSION "@PROJECT_VERSION@")
if(NOT TARGET sam3lab::plugin)
  add_library(sam3lab::plugin INTERFACE IMPORTED)
  target_include_directories(sam3lab::plugin SYSTEM INTERFACE "@CMAKE_BINARY_DIR@/include" "@SAM3LAB_TORCH@/include"
    "@SAM3LAB_TORCH@/include/torch/csrc/api/include")
  target_compile_features(sam3lab::plugin INTERFACE cxx_std_20)
  target_link_libraries(sam3lab::plugin INTERFACE "@CMAKE_BINARY_DIR@/libsam3lab_core.so" "@SAM3LAB_TORCH@/lib/libtorch_cpu.so"
    "@SAM3LAB_TORCH@/lib/libc10.so")
  target_link_options(sam3lab::plugin INTERFACE "-Wl,-rpath-link,@torch_nvidia@" "-Wl,-rpath-link,@SAM3LAB_TORCH@/lib" -Wl,-z,nodelete
    -Wl,--no-undefined "-Wl,--version-script=@CMAKE_SOURCE_DIR@/cmake/plugin.map")
endif()
function(sam3lab_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden)
  target_link_libraries(${name} PRIVATE sam3lab::plugin)
endfunction()
]])
