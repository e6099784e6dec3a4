// sam3lab list [SLOT | term] [--recipes DIR] [--json]
#include <iomanip>
#include <iostream>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/cli/metric_lines.h"
#include "core/cli/recipe_list.h"
#include "core/cli/terms.h"
#include "core/registry/registry.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

const std::map<std::string, CatalogueEntry>& entries_of(const Registry& registry, const std::string& slot) {
  static const std::map<std::string, CatalogueEntry> none;
  const auto found = registry.catalogue().find(slot);
  return found == registry.catalogue().end() ? none : found->second;
}

void print_list_text(const Registry& registry, const std::vector<std::string>& chosen, const std::vector<Recipe>& recipes) {
  std::size_t width = 0;
  for (const std::string& slot : chosen) {
    for (const auto& [name, entry] : entries_of(registry, slot)) width = std::max(width, name.size());
  }
  for (const std::string& slot : chosen) {
    std::cout << slot << "\n";
    for (const auto& [name, entry] : entries_of(registry, slot)) {
      std::cout << "  " << std::left << std::setw(static_cast<int>(width) + 2) << name << entry.about;
      if (slot == "metric" && chosen.size() == 1) {
        if (const auto info = info_of_plugin(registry, name)) std::cout << " (" << metric_line(*info) << ")";
      }
      std::cout << "\n";
    }
    if (entries_of(registry, slot).empty()) std::cout << "  (no plugin)\n";
  }
  if (!recipes.empty())
    std::cout << "\n"
              << recipes.size() << " recipes in " << recipes.front().file.parent_path().string() << "\n"
              << recipes_text(recipes);
}

void print_list_json(const Registry& registry, const std::vector<std::string>& chosen, const std::vector<Recipe>& recipes) {
  auto document = nlohmann::ordered_json::object();
  for (const std::string& slot : chosen) {
    document[slot] = nlohmann::ordered_json::array();
    for (const auto& [name, entry] : entries_of(registry, slot)) {
      document[slot].push_back({{"name", name}, {"about", entry.about}, {"file", registry.origin(slot, name).string()}});
      if (slot != "metric") continue;
      if (const auto info = info_of_plugin(registry, name)) document[slot].back()["metric"] = metric_json(*info);
    }
  }
  if (chosen.size() == 1 && chosen.front() == "dataset") document["recipes"] = recipes_json(recipes);
  std::cout << document.dump(2) << "\n";
}

int run_list(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("slot", po::value<std::string>(),
                        "backbone, matcher, loss, scheme, dataset, prompt or metric; or term, for the dictionary")(
      "dictionary", po::value<std::string>()->default_value(""), "file of the terms; empty: that of the recipes")(
      "recipes", po::value<std::string>(), "with dataset: folder of recipes; default: experiments/base/datasets here or above");
  po::positional_options_description positions;
  positions.add("slot", 1);
  const auto values = parse_arguments(list_command, arguments, options, positions);
  if (!values) return 0;
  std::vector<std::string> chosen(slots.begin(), slots.end());
  if (values->count("slot") != 0) {
    const auto slot = (*values)["slot"].as<std::string>();
    if (slot == "term") return list_terms((*values)["dictionary"].as<std::string>(), context.json), 0;
    if (std::ranges::find(chosen, slot) == chosen.end()) {
      throw UsageError(Fault{"sam3lab list", "unknown slot '" + shorten(slot) + "'; known: " + join(chosen), "", "",
                             did_you_mean(slot, chosen)});
    }
    chosen = {slot};
  }
  std::vector<Recipe> recipes;
  if (chosen.size() == 1 && chosen.front() == "dataset") {
    auto folder = find_recipes();
    if (values->count("recipes") != 0) folder = (*values)["recipes"].as<std::string>();
    if (folder) recipes = read_recipes(*folder);
  }
  (context.json ? print_list_json : print_list_text)(context.registry(), chosen, recipes);
  return 0;
}

}  // namespace

extern const Command list_command = {"list", "names of plugins, of recipes of datasets, or of the dictionary's terms",
                                     "list [SLOT | term] [--dictionary FILE] [--recipes DIR] [--json]", run_list};

}  // namespace sam3lab
