# Everything that core links, as one interface target.
find_package(Boost 1.74 REQUIRED COMPONENTS program_options filesystem)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenCV 4 REQUIRED COMPONENTS core imgproc)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(TIFF REQUIRED)
find_package(GIF 5 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(Threads REQUIRED)
find_library(NIFTI_LIBRARY niftiio REQUIRED)
find_library(ZNZ_LIBRARY znz REQUIRED)
find_path(NIFTI_INCLUDE nifti1_io.h PATH_SUFFIXES nifti REQUIRED)

add_library(sam3lab_libraries INTERFACE)
target_include_directories(sam3lab_libraries SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS} ${NIFTI_INCLUDE} ${OpenCV_INCLUDE_DIRS})
target_compile_definitions(sam3lab_libraries INTERFACE BOOST_DLL_USE_STD_FS TOML_HEADER_ONLY=1)
target_link_libraries(sam3lab_libraries INTERFACE libtorch Boost::program_options Boost::filesystem ${HDF5_C_LIBRARIES} fmt::fmt
  nlohmann_json::nlohmann_json opencv_core opencv_imgproc PNG::PNG JPEG::JPEG TIFF::TIFF GIF::GIF ${NIFTI_LIBRARY} ${ZNZ_LIBRARY} ZLIB::ZLIB
  OpenSSL::Crypto Threads::Threads ${CMAKE_DL_LIBS})
