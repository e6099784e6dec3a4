// A template in the first line against the path of a file in the second: names of files come from strangers too.
#include "plugins/datasets/shared/paths/path_template.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;
using namespace sam3lab::datasets;

SAM3LAB_FUZZ_TARGET(path_template) {
  const auto end = std::min(bytes.find('\n'), bytes.size());
  const std::string text(bytes.substr(0, end)), path(bytes.substr(std::min(end + 1, bytes.size())));
  return fuzz::accepts([&] {
    const PathTemplate made(text);
    const auto gaps = made.match(path);
    if (!gaps) return;
    fuzz::promise(made.find({path}, {}).size() == 1);
    for (const auto& [name, value] : *gaps) fuzz::promise(!value.empty() && value.find('/') == std::string::npos);
  });
}
