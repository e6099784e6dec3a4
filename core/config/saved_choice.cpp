#include "core/config/saved_choice.h"

#include "core/config/check.h"
#include "core/config/resolved.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

const CatalogueEntry* find_plugin(const Catalogue& catalogue, const std::string& slot, const std::string& name) {
  const auto offers = catalogue.find(slot);
  if (offers == catalogue.end()) return nullptr;
  const auto entry = offers->second.find(name);
  return entry == offers->second.end() ? nullptr : &entry->second;
}

void refuse_others(const Tree& tree, const std::string& slot, std::vector<Fault>& faults) {
  for (const auto& [path, where] : tree.tables) {
    if (path.front() != slot) faults.push_back({where, "another table", dotted(path), "[" + slot + "] alone", ""});
  }
  for (const auto& [path, leaf] : tree.leaves) {
    if (path.front() != slot)
      faults.push_back({leaf.where, "a key of another table", dotted(path), "[" + slot + "] alone", ""});
  }
}

}  // namespace

std::string write_choice(const PluginChoice& choice) { return write_tables({{{choice.slot}, choice.use, choice.options}}); }

PluginChoice read_choice(const std::string& text, const std::string& slot, const std::string& where,
                         const Catalogue& catalogue) {
  std::vector<Fault> faults;
  Tree tree;
  PluginChoice choice;
  choice.slot = slot;
  choice.where = where;
  if (text.size() > largest_experiment) {
    faults.push_back({where, "is too long for a table", std::to_string(text.size()) + " bytes", "", ""});
  } else if (parse_toml(text, where, "", tree, faults)) {
    refuse_others(tree, slot, faults);
    const auto use = tree.leaves.find({slot, "use"});
    if (use != tree.leaves.end()) {
      if (const auto* name = std::get_if<std::string>(&use->second.value.data)) choice.use = *name;
    }
    const auto* entry = find_plugin(catalogue, slot, choice.use);
    if (entry == nullptr) {
      faults.push_back(unknown_plugin(catalogue, where, slot, choice.use));
    } else {
      choice.options = check_options(tree, {{slot}, where, choice.use, &entry->schema, {"use"}}, "", faults).values;
    }
  }
  if (!faults.empty()) throw UsageError(faults);
  return choice;
}

}  // namespace sam3lab
