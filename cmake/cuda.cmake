# The optional GPU half. LibTorch's CUDA library is loaded at run time, and only when asked for: a program that links it starts twice as
# slowly and needs 350 MB more, GPU or not.
if(SAM3LAB_CUDA)
  find_package(CUDAToolkit 13.0 REQUIRED)
  find_library(NCCL_LIBRARY nccl)
  if(NOT EXISTS ${SAM3LAB_TORCH}/lib/libtorch_cuda.so)
    message(FATAL_ERROR "no libtorch_cuda.so in ${SAM3LAB_TORCH}/lib; run scripts/setup --cuda")
  endif()
  message(STATUS "CUDA toolkit ${CUDAToolkit_VERSION}; NCCL: ${NCCL_LIBRARY}")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/core/tensor/device.cpp PROPERTIES
    COMPILE_DEFINITIONS "SAM3LAB_TORCH_CUDA=\"${SAM3LAB_TORCH}/lib/libtorch_cuda.so\"")
endif()
