# The optional GPU half. LibTorch's CUDA library is loaded at run time, and only when asked for: a program that links it starts twice as
# slowly and needs 350 MB more, GPU or not.
if(SAM3LAB_CUDA)
  find_package(CUDAToolkit 13.0 REQUIRED)
  if(NOT EXISTS ${SAM3LAB_TORCH}/lib/libtorch_cuda.so)
    message(FATAL_ERROR "no libtorch_cuda.so in ${SAM3LAB_TORCH}/lib; run scripts/setup --cuda")
  endif()
  # From PyPI's package beside LibTorch, which is the version that LibTorch was built with; else the toolkit's or Debian's.
  set(nccl_places ${SAM3LAB_TORCH}/../nvidia/nccl ${CUDAToolkit_LIBRARY_ROOT} ${CUDAToolkit_TARGET_DIR})
  find_path(NCCL_INCLUDE nccl.h HINTS ${nccl_places} PATH_SUFFIXES include REQUIRED)
  find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 NAMES_PER_DIR HINTS ${nccl_places} PATH_SUFFIXES lib lib64 REQUIRED)
  message(STATUS "CUDA toolkit ${CUDAToolkit_VERSION}; NCCL: ${NCCL_LIBRARY}, ${NCCL_INCLUDE}")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/core/tensor/device.cpp PROPERTIES
    COMPILE_DEFINITIONS "SAM3LAB_TORCH_CUDA=\"${SAM3LAB_TORCH}/lib/libtorch_cuda.so\"")

  foreach(part c10_cuda torch_cuda)
    add_library(${part} SHARED IMPORTED)
    set_target_properties(${part} PROPERTIES IMPORTED_LOCATION ${SAM3LAB_TORCH}/lib/lib${part}.so)
  endforeach()
  add_library(sam3lab_nccl MODULE ${CMAKE_SOURCE_DIR}/core/distributed/nccl/open_nccl.cpp)
  target_include_directories(sam3lab_nccl SYSTEM PRIVATE ${NCCL_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(sam3lab_nccl PRIVATE libtorch torch_cuda c10_cuda)

  # Kernels of ours. A cubin serves all later cards of its generation, the last one's intermediate code what comes after.
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
  endif()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90-real 100-real 120)
  endif()
  enable_language(CUDA)
  add_library(sam3lab_cuda MODULE ${CMAKE_SOURCE_DIR}/core/optim/cuda/adamw.cu ${CMAKE_SOURCE_DIR}/core/optim/cuda/module.cpp)
  set_target_properties(sam3lab_cuda PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF CUDA_RUNTIME_LIBRARY Shared)
  # A product and a sum round twice on a GPU, too: the bits are those of the CPU.
  target_compile_options(sam3lab_cuda PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-fmad=false;-Werror;all-warnings;-Xcompiler;-Wall,-Wextra>")
  target_include_directories(sam3lab_cuda PRIVATE ${CMAKE_SOURCE_DIR})
  target_include_directories(sam3lab_cuda SYSTEM PRIVATE ${SAM3LAB_TORCH}/include ${CUDAToolkit_INCLUDE_DIRS})
  target_link_libraries(sam3lab_cuda PRIVATE c10_cuda c10)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/core/optim/cuda_kernels.cpp PROPERTIES
    COMPILE_DEFINITIONS "SAM3LAB_CUDA_KERNELS=\"${CMAKE_BINARY_DIR}/libsam3lab_cuda.so\"")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/core/distributed/ranks.cpp PROPERTIES
    COMPILE_DEFINITIONS "SAM3LAB_NCCL=\"${CMAKE_BINARY_DIR}/libsam3lab_nccl.so\"")
endif()
