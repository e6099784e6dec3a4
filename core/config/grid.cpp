#include "core/config/grid.h"

#include <algorithm>
#include <set>

#include "core/config/text.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

bool touches(const KeyPath& a, const KeyPath& b) {
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin());
}

bool decided(const KeyPath& key, const Tree& overrides) {
  return std::ranges::any_of(overrides.leaves, [&key](const auto& leaf) { return touches(leaf.first, key); });
}

// Axes come as "a.b" = [...] and as a.b = [...].
KeyPath axis_key(const KeyPath& path) {
  if (path.size() == 2) return parse_key(path[1]);
  return {path.begin() + 1, path.end()};
}

bool accept(const Axis& axis, const Leaf& leaf, std::vector<Fault>& faults) {
  const auto fault = [&](const std::string& what, const std::string& expected) {
    faults.push_back({leaf.where, "grid axis " + shorten(axis.name) + " " + what, show(leaf.value), expected, ""});
    return false;
  };
  if (axis.key.empty()) return fault("is no dotted key", "a key as in \"train.steps\"");
  static const std::set<std::string> fixed = {"extends", "grid", "name", "seeds"};
  if (axis.key.size() < 2 || fixed.contains(axis.key.front()))
    return fault("cannot vary", "a key of a table, as in \"train.steps\"");
  if (!std::holds_alternative<std::vector<Value>>(leaf.value.data) || axis.values.empty()) {
    return fault("has no values", "a list of at least one value");
  }
  std::set<std::string> seen;
  for (const Value& value : axis.values) {
    if (!seen.insert(show(value)).second) return fault("has the value " + show(value) + " twice", "different values");
  }
  return true;
}

}  // namespace

std::vector<Axis> take_axes(Tree& tree, const Tree& overrides, std::vector<Fault>& faults) {
  std::vector<Axis> axes;
  for (const auto& entry : below(tree.leaves, {"grid"})) {
    const auto& [path, leaf] = *entry;
    if (path.size() < 2) continue;  // grid = 3 is refused with the other tables
    Axis axis{axis_key(path), "", leaf.where, leaf.folder, {}};
    axis.name = axis.key.empty() ? path.back() : dotted(axis.key);
    if (const auto* values = std::get_if<std::vector<Value>>(&leaf.value.data)) axis.values = *values;
    if (accept(axis, leaf, faults)) {
      const bool twice = std::ranges::any_of(axes, [&axis](const Axis& other) { return touches(other.key, axis.key); });
      if (twice)
        faults.push_back(
            {leaf.where, "grid axis " + axis.name + " meets another axis of the same key", "", "one axis a key", ""});
      if (!twice && !decided(axis.key, overrides)) axes.push_back(std::move(axis));
    }
    tree.leaves.erase(entry);
  }
  std::ranges::sort(axes, {}, &Axis::name);
  return axes;
}

std::vector<Cell> cells_of(const std::vector<Axis>& axes, const std::string& where, std::vector<Fault>& faults) {
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.values.size();
    if (count > most_cells) {
      faults.push_back({where, "grid is too large", "", "at most " + std::to_string(most_cells) + " cells", ""});
      return {};
    }
  }
  std::vector<Cell> cells(count);
  std::size_t repeat = count;
  for (const Axis& axis : axes) {
    repeat /= axis.values.size();
    for (std::size_t i = 0; i < count; ++i) {
      const Value& value = axis.values[i / repeat % axis.values.size()];
      cells[i].layer.leaves[axis.key] = {value, axis.where, axis.folder};
      for (std::size_t n = 1; n < axis.key.size(); ++n) {
        cells[i].layer.tables.try_emplace(KeyPath(axis.key.begin(), axis.key.begin() + static_cast<std::ptrdiff_t>(n)),
                                          axis.where);
      }
      cells[i].settings.emplace_back(axis.name, show(value));
    }
  }
  return cells;
}

}  // namespace sam3lab
