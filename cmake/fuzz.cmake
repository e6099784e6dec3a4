# -DSAM3LAB_FUZZ=ON with clang (scripts/fuzz): one libFuzzer program a parser, with AddressSanitizer and UndefinedBehaviorSanitizer, and
# nothing else. Only the parsers are compiled anew; a program links those of them that it needs, and LibTorch only where they do.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  message(FATAL_ERROR "libFuzzer needs clang: use scripts/fuzz, or give -DCMAKE_CXX_COMPILER=clang++-14")
endif()
file(GLOB parser_sources CONFIGURE_DEPENDS core/api/*.cpp core/base/*.cpp core/config/*.cpp core/record/*.cpp
  core/image/*.cpp core/tensor/own_process.cpp core/tensor/mapped_file.cpp core/tensor/pickle.cpp core/tensor/safetensors*.cpp core/tensor/torch_file.cpp
  core/tensor/zip_read.cpp core/tensor/zip_write.cpp plugins/backbones/sam3/checkpoint/layouts.cpp
  plugins/backbones/sam3/checkpoint/published_sizes.cpp plugins/backbones/sam3/checkpoint/transformers_*.cpp plugins/backbones/sam3/model/options.cpp
  plugins/datasets/shared/tables/label_table.cpp plugins/datasets/coco/coco_file.cpp plugins/datasets/coco/coco_masks.cpp plugins/datasets/coco/coco_stream.cpp plugins/datasets/volume_folder/msd_file.cpp
  plugins/backbones/sam3/text/text_cleaning.cpp plugins/backbones/sam3/text/tokenizer.cpp plugins/backbones/sam3/text/vocabulary.cpp
  plugins/datasets/shared/paths/name_pattern.cpp plugins/datasets/shared/paths/path_template.cpp plugins/datasets/shared/masks/mask_contours.cpp plugins/datasets/shared/masks/polygon.cpp
  plugins/datasets/shared/tables/xml_file.cpp plugins/datasets/shared/tables/csv_file.cpp plugins/datasets/shared/masks/found_masks.cpp plugins/datasets/shared/masks/label_masks.cpp
  plugins/backbones/sam3/text/characters.cpp plugins/backbones/sam3/text/mojibake.cpp plugins/backbones/sam3/text/mojibake_search.cpp plugins/backbones/sam3/text/html_entities.cpp)
add_library(fuzz_parsers STATIC ${parser_sources} tests/fuzz/files.cpp)
target_compile_definitions(fuzz_parsers PUBLIC SAM3LAB_FUZZ)
# LibTorch comes without the type information that -fsanitize=vptr and =function compare.
target_compile_options(fuzz_parsers PUBLIC -w -O1 -g1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined
  -fno-sanitize=vptr,function -fno-sanitize-recover=all)
find_package(EXPAT REQUIRED)
target_link_libraries(fuzz_parsers PUBLIC sam3lab_headers sam3lab_libraries ICU::uc ICU::i18n EXPAT::EXPAT ${RE2_LIBRARY})
target_link_options(fuzz_parsers PUBLIC -Wl,--as-needed -fsanitize=address,undefined)
# DICOM is DCMTK's to parse; here it is not to be found.
set_source_files_properties(core/image/dicom.cpp PROPERTIES COMPILE_DEFINITIONS SAM3LAB_DICOM="no_dicom.so")
set_source_files_properties(plugins/backbones/sam3/text/vocabulary.cpp PROPERTIES COMPILE_DEFINITIONS
  SAM3LAB_VOCABULARY_FILE="${CMAKE_SOURCE_DIR}/.deps/vocabulary/bpe_simple_vocab_16e6.txt.gz")

file(GLOB targets CONFIGURE_DEPENDS tests/fuzz/*.cpp)
foreach(source ${targets})
  get_filename_component(name ${source} NAME_WE)
  if(NOT name MATCHES "^(files|replay)$")
    add_executable(fuzz_${name} ${source})
    target_link_libraries(fuzz_${name} PRIVATE fuzz_parsers)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()

# The replay that scripts/test runs, here under the sanitizers.
add_executable(fuzz_replay EXCLUDE_FROM_ALL ${targets})
target_compile_options(fuzz_replay PRIVATE -USAM3LAB_FUZZ)
target_link_libraries(fuzz_replay PRIVATE fuzz_parsers)
target_link_options(fuzz_replay PRIVATE -fsanitize=fuzzer-no-link)
