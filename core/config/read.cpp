#include "core/config/read.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "core/config/assemble.h"
#include "core/config/grid.h"
#include "core/config/layers.h"
#include "core/config/text.h"
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

}  // namespace

std::vector<Experiment> read_cells(const ReadRequest& request, const Catalogue& catalogue) {
  std::vector<Fault> faults;
  Layers layers;
  const bool whole = load_layers(request.file, layers, faults);
  const Tree overrides = read_overrides(request.sets, faults);
  // Half a file would be reported as missing tables and unknown keys.
  if (!whole) refuse(faults);

  Tree axis_layer;  // --set grid."a.b"=[...] changes an axis before the axes are read
  for (const auto& leaf : below(overrides.leaves, {"grid"})) axis_layer.leaves.insert(*leaf);
  merge(layers.merged, axis_layer);
  const std::vector<Axis> axes = take_axes(layers.merged, overrides, faults);
  std::vector<Experiment> experiments;
  for (const Cell& cell : cells_of(axes, request.file.string(), faults)) {
    Tree tree = layers.merged;
    overlay(tree, cell.layer);
    overlay(tree, overrides);
    for (const auto& axis : below(tree.leaves, {"grid"})) {
      if (axis->first.size() > 1) tree.leaves.erase(axis);
    }
    std::vector<Fault> of_cell;
    Experiment experiment = assemble(tree, request.file, catalogue, of_cell);
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

}  // namespace sam3lab
