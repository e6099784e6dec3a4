# <sam3lab/...> for everyone: a link to core/, and the stamp that a plugin and the program must share.
file(GLOB public_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/api/*.h)
list(APPEND public_headers ${CMAKE_SOURCE_DIR}/core/plugin.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${public_headers})
set(all_text "")
foreach(header ${public_headers})
  file(READ ${header} text)
  string(APPEND all_text "${text}")
endforeach()
string(SHA256 headers_hash "${all_text}")
string(SUBSTRING ${headers_hash} 0 16 headers_hash)
set(cuda_stamp none)
if(SAM3LAB_CUDA)
  set(cuda_stamp 13.0)
endif()
set(SAM3LAB_STAMP "${CMAKE_CXX_COMPILER_ID}-${CMAKE_CXX_COMPILER_VERSION} cxx11abi-1 torch-${SAM3LAB_TORCH_VERSION} cuda-${cuda_stamp} headers-${headers_hash}")

set(include_root ${CMAKE_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${include_root}/sam3lab)
foreach(entry api plugin.h)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/core/${entry} ${include_root}/sam3lab/${entry} SYMBOLIC)
endforeach()
file(CONFIGURE OUTPUT ${include_root}/sam3lab/stamp.h @ONLY CONTENT
"// Made by CMake: a plugin and the program must carry the same stamp.
#pragma once
#define SAM3LAB_STAMP \"@SAM3LAB_STAMP@\"
#define SAM3LAB_VERSION \"@PROJECT_VERSION@\"
#define SAM3LAB_TORCH_VERSION \"@SAM3LAB_TORCH_VERSION@\"
")
add_library(sam3lab_headers INTERFACE)
target_include_directories(sam3lab_headers INTERFACE ${include_root} ${CMAKE_SOURCE_DIR})
target_link_libraries(sam3lab_headers INTERFACE libtorch)
