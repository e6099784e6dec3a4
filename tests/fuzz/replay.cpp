// Replays the corpus: replay FOLDER, with a subfolder a target. A file whose name begins with good_ must be accepted, one that
// begins with bad_ refused; the others are what the fuzzer found interesting, and need only be survived.
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "tests/fuzz/target.h"

namespace {

namespace fs = std::filesystem;
using namespace sam3lab::fuzz;

constexpr long most_memory = 1L << 20;  // KiB at the peak

int complaints = 0;

void complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  ++complaints;
}

void replay(const Entry& entry, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  std::fprintf(stderr, "%s\n", file.c_str());  // the last line names the file that a crash is due to
  try {
    const bool accepted = entry.target(bytes);
    const std::string name = file.filename().string();
    if (name.starts_with("good_") && !accepted) complain("refused, though it is good: " + file.string());
    if (name.starts_with("bad_") && accepted) complain("accepted, though it is bad: " + file.string());
  } catch (const std::exception& error) {
    complain("ends in an error that is none of the program's own: " + file.string() + ": " + error.what());
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return 2;
  const fs::path corpus = words[1];
  std::set<std::string> known;
  std::size_t files = 0;
  for (const Entry& entry : targets()) {
    known.insert(entry.name);
    std::set<fs::path> sorted;
    if (fs::is_directory(corpus / entry.name)) {
      for (const auto& file : fs::directory_iterator(corpus / entry.name)) sorted.insert(file.path());
    }
    for (const fs::path& file : sorted) replay(entry, file);
    if (sorted.empty()) complain("the corpus has nothing for " + entry.name);
    files += sorted.size();
  }
  for (const auto& folder : fs::directory_iterator(corpus)) {
    if (folder.is_directory() && !known.contains(folder.path().filename().string()))
      complain("no target for " + folder.path().string());
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  if (used.ru_maxrss > most_memory) complain("too much memory: " + std::to_string(used.ru_maxrss >> 10) + " MiB at the peak");
  std::printf("targets=%zu files=%zu complaints=%d peak_mib=%ld\n", targets().size(), files, complaints, used.ru_maxrss >> 10);
  return complaints == 0 && !targets().empty() ? 0 : 1;
}
