#include "core/config/read.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "core/base/text.h"
#include "core/config/assemble.h"
#include "core/config/grid.h"
#include "core/config/layers.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

constexpr std::size_t most_faults = 100;  // of one message

// "a.toml:14" -> a.toml, 14. A place without a line comes before those with one.
std::pair<std::string_view, std::size_t> place_of(const Fault& fault) {
  const std::string_view where = fault.where;
  const std::size_t colon = where.rfind(':');
  std::size_t line = 0;
  if (colon == std::string_view::npos) return {where, line};
  const auto [end, error] = std::from_chars(where.data() + colon + 1, where.data() + where.size(), line);
  const bool is_line = error == std::errc() && end == where.data() + where.size();
  return is_line ? std::pair(where.substr(0, colon), line) : std::pair(where, std::size_t{0});
}

// In the order of the text; the same fault in every cell of a grid is said once.
[[noreturn]] void refuse(std::vector<Fault> faults) {
  std::ranges::stable_sort(faults, {}, place_of);
  std::vector<Fault> different;
  std::set<std::string> texts;
  for (const Fault& fault : faults) {
    if (texts.insert(fault.text()).second && texts.size() <= most_faults) different.push_back(fault);
  }
  if (texts.size() > most_faults) {
    different.push_back({"", "and " + std::to_string(texts.size() - most_faults) + " more faults", "", "", ""});
  }
  throw UsageError(different);
}

// All overrides as one layer, so that their order does not matter.
Tree read_overrides(const std::vector<std::string>& sets, std::vector<Fault>& faults) {
  Tree layer;
  for (const std::string& text : sets) {
    Tree one;
    if (!parse_override(text, one, faults)) continue;
    for (const auto& [path, leaf] : one.leaves) {
      if (layer.leaves.contains(path)) faults.push_back({leaf.where, dotted(path) + " is set twice", "", "one value", ""});
    }
    merge(layer, one);
  }
  return layer;
}

// --set extends=... puts other files in the place of the file's own parents.
std::optional<Leaf> take_extends(Tree& overrides) {
  const auto leaf = overrides.leaves.find({"extends"});
  if (leaf == overrides.leaves.end()) return std::nullopt;
  Leaf taken = leaf->second;
  overrides.leaves.erase(leaf);
  return taken;
}

Tree take_axis_overrides(Tree& overrides) {
  Tree layer;
  for (const char* table : {"grid", "variant"}) {
    for (const auto& leaf : below(overrides.leaves, {table})) {
      if (leaf->first.size() < 2) continue;
      layer.leaves.insert(*leaf);
      overrides.leaves.erase(leaf);
    }
    for (const auto& inner : below(overrides.tables, {table})) {
      layer.tables.insert(*inner);
      overrides.tables.erase(inner);
    }
  }
  return layer;
}

}  // namespace

std::vector<Experiment> read_cells(const ReadRequest& request, const Catalogue& catalogue) {
  std::vector<Fault> faults;
  Layers layers;
  Tree overrides = read_overrides(request.sets, faults);
  const bool whole = load_layers(request.file, layers, faults, take_extends(overrides));
  // Half a file would be reported as missing tables and unknown keys.
  if (!whole) refuse(faults);

  // --set grid."a.b"=[...] and --set variant.NAME."a.b"=... change an axis before the axes are read.
  merge(layers.merged, take_axis_overrides(overrides));
  const std::vector<Axis> axes = take_axes(layers.merged, overrides, faults);
  std::vector<Experiment> experiments;
  for (const CellLayer& cell : cells_of(axes, request.file.string(), faults)) {
    Tree tree = layers.merged;
    overlay(tree, cell.layer);
    overlay(tree, overrides);
    std::vector<Fault> of_cell;
    Experiment experiment = assemble(tree, request.file, catalogue, of_cell, request.data_alone);
    experiment.cell = cell.settings;
    experiment.parents = layers.parents;
    experiment.source_text = layers.source_text;
    experiments.push_back(std::move(experiment));
    faults.insert(faults.end(), of_cell.begin(), of_cell.end());
  }
  if (!faults.empty()) refuse(faults);
  return experiments;
}

Experiment read_experiment(const ReadRequest& request, const Catalogue& catalogue) {
  std::vector<Experiment> cells = read_cells(request, catalogue);
  if (cells.size() == 1) return std::move(cells.front());
  std::vector<std::string> picks;
  for (const auto& [key, value] : cells.front().cell) picks.push_back("--set " + key + "=" + value);
  throw UsageError(Fault{request.file.string(), "has a grid", std::to_string(cells.size()) + " cells", "one cell",
                         "choose one, as in: " + join(picks, " ")});
}

PluginChoice read_backbone(const BackboneRequest& request, const Catalogue& catalogue) {
  std::vector<Fault> faults;
  Layers layers;
  const bool whole = request.text
                         ? parse_toml(*request.text, request.file.string(), request.file.parent_path(), layers.merged, faults)
                         : request.file.empty() || load_layers(request.file, layers, faults);
  Tree overrides = read_overrides(request.sets, faults);
  if (!whole) refuse(faults);
  for (const auto& [path, leaf] : overrides.leaves) {
    if (path.front() != "backbone")
      faults.push_back({leaf.where, "only the model can be set here", dotted(path), "backbone. ...", ""});
  }
  for (const auto& axis : take_axes(layers.merged, overrides, faults)) {
    const bool varies_model =
        std::ranges::any_of(axis.points, [](const Point& point) { return !below(point.layer.leaves, {"backbone"}).empty(); });
    if (!varies_model) continue;
    faults.push_back(
        {axis.where, "the model is an axis of a grid", axis.name, "one model", "choose one with --set " + axis.name + "=..."});
  }
  overlay(layers.merged, overrides);
  auto choice = assemble_backbone(layers.merged, request.file, catalogue, faults);
  if (!faults.empty()) refuse(faults);
  return choice;
}

}  // namespace sam3lab
