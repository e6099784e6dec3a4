#include "core/config/layers.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/tables.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

constexpr std::size_t most_files = 64;

class Loader {
 public:
  Loader(Layers& layers, std::vector<Fault>& faults, const std::optional<Leaf>& extends)
      : layers_(layers), faults_(faults), extends_(extends) {}

  bool add(const std::filesystem::path& file, const std::string& where, bool root) {
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(file, error);
    if (const auto begun = std::ranges::find(open_, real); begun != open_.end()) {
      std::vector<std::string> names;
      for (auto it = begun; it != open_.end(); ++it) names.push_back(it->filename().string());
      names.push_back(real.filename().string());
      return fail({where, "extends goes in a circle: " + join(names, " -> "), "", "", "remove one of these lines"});
    }
    if (!seen_.insert(real).second) return true;
    if (seen_.size() > most_files) return fail({where, "extends leads to too many files", "", "at most 64", ""});

    std::string text;
    Tree tree;
    const std::string name = file.string();
    if (!read_text(file, where, text, faults_) || !parse_toml(text, name, file.parent_path(), tree, faults_)) return false;
    open_.push_back(real);
    bool good = true;
    if (root && extends_) tree.leaves[{"extends"}] = *extends_;
    if (const auto leaf = tree.leaves.find({"extends"}); leaf != tree.leaves.end()) {
      for (const std::string& parent : parents_of(leaf->second, good)) {
        good &= add((leaf->second.folder / parent).lexically_normal(), leaf->second.where, false);
      }
    }
    open_.pop_back();
    tree.leaves.erase({"extends"});
    overlay(layers_.merged, tree);
    if (root) {
      layers_.source_text = std::move(text);
    } else {
      layers_.parents.push_back(file);
    }
    return good;
  }

 private:
  bool fail(Fault fault) {
    faults_.push_back(std::move(fault));
    return false;
  }

  std::vector<std::string> parents_of(const Leaf& leaf, bool& good) {
    std::vector<std::string> parents;
    const auto* list = std::get_if<std::vector<Value>>(&leaf.value.data);
    for (const Value& item : list != nullptr ? *list : std::vector<Value>{leaf.value}) {
      const auto* text = std::get_if<std::string>(&item.data);
      if (text != nullptr && !text->empty()) {
        parents.push_back(*text);
      } else {
        good = fail({leaf.where, "extends names no file", show(item), "a file, or a list of files", ""});
      }
    }
    return parents;
  }

  Layers& layers_;
  std::vector<Fault>& faults_;
  const std::optional<Leaf>& extends_;
  std::vector<std::filesystem::path> open_;  // the way from the root to the file that is being read
  std::set<std::filesystem::path> seen_;
};

// [loss.box] for loss.box.use; nothing if `path` does not choose a plugin.
std::optional<KeyPath> chosen_table(const KeyPath& path) {
  if (path.back() != "use" || std::ranges::find(slots, path.front()) == slots.end()) return std::nullopt;
  if (path.size() != (is_single(path.front()) ? 2U : 3U)) return std::nullopt;
  return KeyPath(path.begin(), path.end() - 1);
}

// The plugin that fills `table` so far; nothing if the table is not there or does not say.
std::optional<std::string> plugin_of(const Tree& tree, const KeyPath& table) {
  KeyPath use = table;
  use.emplace_back("use");
  if (const auto leaf = tree.leaves.find(use); leaf != tree.leaves.end()) {
    const auto* text = std::get_if<std::string>(&leaf->second.value.data);
    return text != nullptr ? std::optional(*text) : std::nullopt;
  }
  if (table.size() == 1 || !tree.tables.contains(table)) return std::nullopt;
  return table.back();
}

void forget_options(Tree& tree, const KeyPath& table) {
  const Schema common = schema_of<DatasetOptions>();
  const auto belongs_to_table = [&](const KeyPath& path) {
    return table.front() == "dataset" &&
           std::ranges::any_of(common, [&](const OptionSpec& o) { return o.name == path[table.size()]; });
  };
  for (const auto& leaf : below(tree.leaves, table)) {
    if (leaf->first.size() > table.size() && !belongs_to_table(leaf->first)) tree.leaves.erase(leaf);
  }
  for (const auto& inner : below(tree.tables, table)) {
    if (inner->first.size() > table.size()) tree.tables.erase(inner);
  }
}

}  // namespace

void overlay(Tree& base, const Tree& layer) {
  for (const auto& [path, leaf] : layer.leaves) {
    const auto table = chosen_table(path);
    const auto* name = std::get_if<std::string>(&leaf.value.data);
    if (!table || name == nullptr) continue;
    if (const auto before = plugin_of(base, *table); before && *before != *name) forget_options(base, *table);
  }
  merge(base, layer);
}

void merge(Tree& base, const Tree& layer) {
  const auto clear_the_way = [&base](const KeyPath& path) {
    for (std::size_t n = 1; n < path.size(); ++n)
      base.leaves.erase(KeyPath(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(n)));
  };
  for (const auto& [path, where] : layer.tables) {
    clear_the_way(path);
    base.leaves.erase(path);
    base.tables.try_emplace(path, where);
  }
  for (const auto& [path, leaf] : layer.leaves) {
    clear_the_way(path);
    for (const auto& old : below(base.leaves, path)) base.leaves.erase(old);
    for (const auto& old : below(base.tables, path)) base.tables.erase(old);
    base.leaves[path] = leaf;
  }
}

bool load_layers(const std::filesystem::path& file, Layers& layers, std::vector<Fault>& faults,
                 const std::optional<Leaf>& extends) {
  return Loader(layers, faults, extends).add(file, file.string(), true);
}

}  // namespace sam3lab
