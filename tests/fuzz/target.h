// A fuzz target is a function that takes any bytes and says whether they were accepted. One source serves twice: under clang
// each becomes a libFuzzer program (scripts/fuzz), under g++ all of them become one test that replays tests/fuzz/corpus.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/error.h>

namespace sam3lab::fuzz {

// False: refused with an error of the program's own. Any other way to end is a finding: another exception, a crash, a report of
// a sanitizer, too much memory or time.
using Target = bool (*)(std::string_view bytes);

template <class Call>
bool accepts(Call&& call) {
  try {
    call();
    return true;
  } catch (const Error&) {
    return false;
  }
}

// What a reader promises of its result; a broken promise is a finding.
inline void promise(bool kept) {
  if (!kept) std::abort();
}

// A file with these bytes, for readers that take a path. One file at a time: the next call replaces its content.
std::string as_file(std::string_view bytes);
// The same, under a name in a folder of its own, which goes away when the program ends.
std::string as_file(std::string_view bytes, const std::string& name);

struct Entry {
  std::string name;
  Target target;
};
std::vector<Entry>& targets();  // of the replay

}  // namespace sam3lab::fuzz

#ifdef SAM3LAB_FUZZ
#define SAM3LAB_FUZZ_TARGET(name)                                                     \
  static bool take_##name(std::string_view bytes);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    take_##name(std::string_view(reinterpret_cast<const char*>(data), size));         \
    return 0;                                                                         \
  }                                                                                   \
  static bool take_##name([[maybe_unused]] std::string_view bytes)
#else
#define SAM3LAB_FUZZ_TARGET(name)                                                                                     \
  static bool take_##name(std::string_view bytes);                                                                    \
  [[maybe_unused]] static const bool known_##name = (sam3lab::fuzz::targets().push_back({#name, take_##name}), true); \
  static bool take_##name([[maybe_unused]] std::string_view bytes)
#endif
