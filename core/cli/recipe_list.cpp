#include "core/cli/recipe_list.h"

#include <algorithm>

#include <fmt/format.h>

namespace sam3lab {

std::string recipes_text(const std::vector<Recipe>& recipes) {
  std::vector<std::vector<std::string>> rows = {{"recipe", "modality", "role", "licence", "terms", "encoding", "layout"}};
  for (const auto& recipe : recipes) {
    rows.push_back({recipe.name, recipe.common.modality, recipe.common.role, recipe.common.licence,
                    std::to_string(recipe.terms.size()), recipe.encoding, recipe.common.layout_status});
  }
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("  {:<{}}", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

nlohmann::ordered_json recipes_json(const std::vector<Recipe>& recipes) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& recipe : recipes) {
    auto terms = nlohmann::ordered_json::array();
    for (const auto& [label, text] : recipe.terms)
      terms.push_back(
          {{"label", label}, {"text", text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text)}});
    const auto& common = recipe.common;
    list.push_back({{"name", recipe.name},
                    {"modality", common.modality},
                    {"role", common.role},
                    {"plugin", recipe.use},
                    {"status", common.layout_status},
                    {"encoding", recipe.encoding},
                    {"terms", terms},
                    {"group", recipe.group},
                    {"licence", common.licence},
                    {"published_prompt", common.published_prompt},
                    {"source", common.source},
                    {"citation", common.citation},
                    {"layout_source", common.layout_source},
                    {"defects", common.defects},
                    {"file", recipe.file.string()}});
  }
  return list;
}

}  // namespace sam3lab
