cmake_minimum_required(VERSION 3.25)
# Run at each build: writes code_version.cpp, anew only if it says something else. The commit is for people; the hash of the sources
# is what makes two runs the same run.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "no-git")
endif()
file(GLOB_RECURSE sources ${SOURCE}/core/*.h ${SOURCE}/core/*.cpp ${SOURCE}/core/*.cu ${SOURCE}/plugins/*.h ${SOURCE}/plugins/*.cpp ${SOURCE}/plugins/*.inc)
list(SORT sources)
include(${CMAKE_CURRENT_LIST_DIR}/digest.cmake)
sam3lab_digest_of("${sources}" digest)
string(SUBSTRING ${digest} 0 16 digest)
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"// Made at each build.
#include \"core/run/code_version.h\"
namespace sam3lab {
std::string code_commit() { return \"@commit@\"; }
std::string code_digest() { return \"@digest@\"; }
}  // namespace sam3lab
")
