// What the reader knows of plugins: their names and schemas, without a plugin being loaded.
#pragma once
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/error.h>
#include <sam3lab/api/options.h>

namespace sam3lab {

struct CatalogueEntry {
  std::string about;
  Schema schema;
};
using Catalogue = std::map<std::string, std::map<std::string, CatalogueEntry>>;  // slot -> plugin name -> entry

inline constexpr std::array<std::string_view, 7> slots = {"backbone", "matcher", "loss",  "scheme",
                                                          "dataset",  "prompt",  "metric"};

// [backbone] and [scheme] choose one plugin; [loss.NAME] and the others any number, each under a name.
inline constexpr bool is_single(std::string_view slot) { return slot == "backbone" || slot == "scheme"; }

// Schemas of the tables that belong to the program: train, augment, evaluate, ...
const std::map<std::string, CatalogueEntry>& core_tables();

// The fault for a name that no plugin of `slot` has: what exists, then up to three suggestions.
Fault unknown_plugin(const Catalogue& catalogue, const std::string& where, const std::string& slot, const std::string& name);

}  // namespace sam3lab
