#include "core/config/catalogue.h"

#include "core/base/text.h"
#include "core/config/tables.h"

namespace sam3lab {

const std::map<std::string, CatalogueEntry>& core_tables() {
  static const std::map<std::string, CatalogueEntry> tables = {
      {"train", {"the optimiser loop", schema_of<TrainOptions>()}},
      {"augment", {"random changes of training images", schema_of<AugmentOptions>()}},
      {"evaluate", {"from predictions to scores", schema_of<EvaluateOptions>()}},
      {"data", {"what is asked of all datasets", schema_of<DataOptions>()}},
      {"split", {"which items are held out of training", schema_of<SplitOptions>()}},
      {"record", {"where results go and what is kept", schema_of<RecordOptions>()}},
      {"checkpoint", {"weights to start from, and the form of those that a run leaves", schema_of<CheckpointOptions>()}},
  };
  return tables;
}

Fault unknown_plugin(const Catalogue& catalogue, const std::string& where, const std::string& slot, const std::string& name) {
  std::vector<std::string> names;
  if (const auto entries = catalogue.find(slot); entries != catalogue.end()) {
    for (const auto& [known, entry] : entries->second) names.push_back(known);
  }
  const std::string guess = did_you_mean(name, names);
  return {where, "unknown " + slot + " plugin '" + shorten(name) + "'; known: " + (names.empty() ? "none" : join(names)), "",
          "", guess.empty() ? "see 'sam3lab list " + slot + "'" : guess};
}

}  // namespace sam3lab
