// The TOML files that plugins read for themselves: a label table and a dictionary of prompts.
#include "core/base/term_dictionary.h"
#include "plugins/datasets/shared/tables/label_table.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;
using namespace sam3lab::datasets;

SAM3LAB_FUZZ_TARGET(plugin_tables) {
  const std::string file = fuzz::as_file(bytes);
  const bool labels = fuzz::accepts([&] { fuzz::promise(!read_label_table(file).empty()); });
  const bool dictionary = fuzz::accepts([&] { fuzz::promise(!TermDictionary::read(file).terms().empty()); });
  return labels || dictionary;
}
