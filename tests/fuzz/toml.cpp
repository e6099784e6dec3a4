// TOML text, an override of the command line and a dotted key: the three ways into the TOML library.
#include "core/config/toml_text.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(toml) {
  if (bytes.size() > largest_experiment) return false;
  const std::string text(bytes);
  std::vector<Fault> faults;
  Tree tree;
  const bool read = parse_toml(text, "file", "", tree, faults);
  fuzz::promise(read == faults.empty());
  for (const auto& [path, leaf] : tree.leaves) (void)(dotted(path) + show(leaf.value) + kind_of(leaf.value));
  Tree override;
  (void)parse_override(text, override, faults);
  (void)parse_key(text);
  for (const Fault& fault : faults) (void)fault.text();
  return read;
}
