#include "core/config/grid.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/text.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

bool touches(const KeyPath& a, const KeyPath& b) {
  return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin());
}

bool decided(const KeyPath& key, const Tree& overrides) {
  return std::ranges::any_of(overrides.leaves, [&key](const auto& leaf) { return touches(leaf.first, key); });
}

// What stands behind [grid] or [variant.NAME]: "a.b" = ... and a.b = ... are the same key. Empty if it is none.
KeyPath key_behind(const KeyPath& path, std::size_t prefix) {
  if (path.size() == prefix + 1) return parse_key(path[prefix]);
  return {path.begin() + static_cast<std::ptrdiff_t>(prefix), path.end()};
}

bool may_vary(const KeyPath& key) {
  static const std::set<std::string> fixed = {"extends", "grid", "name", "seeds", "variant"};
  return key.size() >= 2 && !fixed.contains(key.front());
}

void put(Tree& layer, const KeyPath& key, const Leaf& leaf) {
  layer.leaves[key] = leaf;
  for (std::size_t n = 1; n < key.size(); ++n)
    layer.tables.try_emplace(KeyPath(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(n)), leaf.where);
}

// Axis of one key of [grid]; nothing if it is refused.
std::optional<Axis> axis_of(const KeyPath& key, const std::string& name, const Leaf& leaf, std::vector<Fault>& faults) {
  const auto refuse = [&](const std::string& what, const std::string& expected) {
    faults.push_back({leaf.where, "grid axis " + shorten(name) + " " + what, show(leaf.value), expected, ""});
    return std::nullopt;
  };
  if (key.empty()) return refuse("is no dotted key", "a key as in \"train.steps\"");
  if (!may_vary(key)) return refuse("cannot vary", "a key of a table, as in \"train.steps\"");
  const auto* values = std::get_if<std::vector<Value>>(&leaf.value.data);
  if (values == nullptr || values->empty()) return refuse("has no values", "a list of at least one value");
  Axis axis{name, leaf.where, {}};
  std::set<std::string> seen;
  for (const Value& value : *values) {
    Point point{{}, show(value)};
    if (!seen.insert(point.text).second) return refuse("has the value " + point.text + " twice", "different values");
    put(point.layer, key, {value, leaf.where, leaf.folder});
    axis.points.push_back(std::move(point));
  }
  return axis;
}

std::vector<Axis> take_grid(Tree& tree, const Tree& overrides, std::vector<Fault>& faults) {
  std::vector<Axis> axes;
  std::vector<KeyPath> keys;
  for (const auto& entry : below(tree.leaves, {"grid"})) {
    const auto& [path, leaf] = *entry;
    if (path.size() < 2) continue;  // grid = 3 is refused with the other tables
    const KeyPath key = key_behind(path, 1);
    if (auto axis = axis_of(key, key.empty() ? path.back() : dotted(key), leaf, faults)) {
      const bool twice = std::ranges::any_of(keys, [&key](const KeyPath& other) { return touches(other, key); });
      if (twice)
        faults.push_back(
            {leaf.where, "grid axis " + axis->name + " meets another axis of the same key", "", "one axis a key", ""});
      if (!twice && !decided(key, overrides)) {
        axes.push_back(*std::move(axis));
        keys.push_back(key);
      }
    }
    tree.leaves.erase(entry);
  }
  std::ranges::sort(axes, {}, &Axis::name);
  return axes;
}

// The names that `--set variant=a` or `--set 'variant=["a", "b"]'` asks for; nothing if it does not.
std::optional<std::set<std::string>> asked_variants(Tree& overrides, const std::vector<std::string>& known,
                                                    std::vector<Fault>& faults) {
  const auto leaf = overrides.leaves.find({"variant"});
  if (leaf == overrides.leaves.end()) return std::nullopt;
  std::set<std::string> names;
  const auto* list = std::get_if<std::vector<Value>>(&leaf->second.value.data);
  for (const Value& item : list != nullptr ? *list : std::vector<Value>{leaf->second.value}) {
    const auto* text = std::get_if<std::string>(&item.data);
    if (text != nullptr && std::ranges::find(known, *text) != known.end()) {
      names.insert(*text);
    } else {
      faults.push_back({leaf->second.where, "unknown variant; known: " + (known.empty() ? "none" : join(known)), show(item), "",
                        text != nullptr ? did_you_mean(*text, known) : ""});
    }
  }
  overrides.leaves.erase(leaf);
  return names;
}

// Every [variant.NAME] in alphabetical order; a key that the command line decides is left out of all of them.
Axis take_variants(Tree& tree, Tree& overrides, std::vector<Fault>& faults) {
  Axis axis{"variant", "", {}};
  std::map<std::string, Point> points;
  for (const auto& table : below(tree.tables, {"variant"})) {
    if (axis.where.empty()) axis.where = table->second;
    if (table->first.size() > 1) points.try_emplace(table->first[1], Point{{}, table->first[1]});
    tree.tables.erase(table);
  }
  for (const auto& entry : below(tree.leaves, {"variant"})) {
    const auto& [path, leaf] = *entry;
    if (path.size() < 2) continue;  // variant = 3 is refused with the other tables
    const KeyPath key = path.size() < 3 ? KeyPath{} : key_behind(path, 2);
    if (!may_vary(key)) {
      faults.push_back({leaf.where, dotted(path) + " cannot stand in a variant", show(leaf.value),
                        "[variant.NAME] with keys of tables, as in \"train.steps\" = 3", ""});
    } else if (!decided(key, overrides)) {
      put(points.try_emplace(path[1], Point{{}, path[1]}).first->second.layer, key, leaf);
    }
    tree.leaves.erase(entry);
  }
  std::vector<std::string> known;
  for (const auto& [name, point] : points) known.push_back(name);
  const auto asked = asked_variants(overrides, known, faults);
  for (auto& [name, point] : points) {
    if (!asked || asked->contains(name)) axis.points.push_back(std::move(point));
  }
  return axis;
}

}  // namespace

std::vector<Axis> take_axes(Tree& tree, Tree& overrides, std::vector<Fault>& faults) {
  Axis variants = take_variants(tree, overrides, faults);
  std::vector<Axis> axes = take_grid(tree, overrides, faults);
  if (!variants.points.empty()) axes.insert(axes.begin(), std::move(variants));
  return axes;
}

std::vector<CellLayer> cells_of(const std::vector<Axis>& axes, const std::string& where, std::vector<Fault>& faults) {
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.points.size();
    if (count > most_cells) {
      faults.push_back({where, "grid is too large", "", "at most " + std::to_string(most_cells) + " cells", ""});
      return {};
    }
  }
  std::vector<CellLayer> cells(count);
  std::size_t repeat = count;
  for (const Axis& axis : axes) {
    repeat /= axis.points.size();
    for (std::size_t i = 0; i < count; ++i) {
      const Point& point = axis.points[i / repeat % axis.points.size()];
      for (const auto& leaf : point.layer.leaves) cells[i].layer.leaves.insert_or_assign(leaf.first, leaf.second);
      for (const auto& table : point.layer.tables) cells[i].layer.tables.insert(table);
      cells[i].settings.emplace_back(axis.name, point.text);
    }
  }
  return cells;
}

}  // namespace sam3lab
