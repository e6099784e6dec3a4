# DCMTK in a module of its own, loaded when a first DICOM file is read: linked to the program it would be loaded at every start.
find_package(DCMTK REQUIRED NO_MODULE)
file(GLOB dicom_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/image/dicom/*.cpp)
add_library(sam3lab_dicom MODULE ${dicom_sources})
sam3lab_use_units(sam3lab_dicom)
target_link_libraries(sam3lab_dicom PRIVATE sam3lab_headers sam3lab_core DCMTK::dcmdata DCMTK::dcmjpeg DCMTK::dcmjpls)
set_target_properties(sam3lab_dicom PROPERTIES CXX_VISIBILITY_PRESET hidden)
set_source_files_properties(${CMAKE_SOURCE_DIR}/core/image/dicom.cpp PROPERTIES
  COMPILE_DEFINITIONS "SAM3LAB_DICOM=\"${CMAKE_BINARY_DIR}/libsam3lab_dicom.so\"")
