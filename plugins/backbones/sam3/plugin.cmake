# The tokenizer: Unicode categories, case and normal forms from ICU; the vocabulary is a gzip file.
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(ZLIB REQUIRED)
target_link_libraries(${plugin_target} PUBLIC ICU::uc ICU::i18n ZLIB::ZLIB)
set(SAM3LAB_VOCABULARY_FILE "${CMAKE_SOURCE_DIR}/.deps/vocabulary/bpe_simple_vocab_16e6.txt.gz"
    CACHE FILEPATH "the tokenizer's vocabulary that is used when neither option nor environment names one")
set_source_files_properties(${folder}/text/vocabulary.cpp PROPERTIES
    COMPILE_DEFINITIONS SAM3LAB_VOCABULARY_FILE="${SAM3LAB_VOCABULARY_FILE}")
# No LibTorch in it: the precompiled header's flags do not bind it.
set_source_files_properties(${folder}/kernels/attention_tiles.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON
    COMPILE_OPTIONS "-O3;-fopenmp-simd;-ffp-contract=fast")
