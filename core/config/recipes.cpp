#include "core/config/recipes.h"

#include <algorithm>
#include <map>

#include <sam3lab/api/error.h>

#include "core/config/check.h"
#include "core/config/layers.h"
#include "core/config/toml_text.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

std::string text_at(const Tree& tree, KeyPath path, const std::string& key) {
  path.push_back(key);
  const auto leaf = tree.leaves.find(path);
  const auto* text = leaf == tree.leaves.end() ? nullptr : std::get_if<std::string>(&leaf->second.value.data);
  return text == nullptr ? "" : *text;
}

bool read_tree(const fs::path& file, Tree& tree, std::vector<Fault>& faults) {
  std::string text;
  return read_text(file, file.string(), text, faults) && parse_toml(text, file.string(), file.parent_path(), tree, faults);
}

// Keys of a label table, or a list of labels: each once, in order.
std::vector<std::string> labels_of(const Tree& tree, const KeyPath& path, const fs::path& folder, std::vector<Fault>& faults) {
  std::vector<std::string> labels;
  const auto add = [&labels](const std::string& label) {
    if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
  };
  for (const char* key : {"labels", "label"}) {
    const auto leaf = tree.leaves.find({path[0], path[1], key});
    if (leaf == tree.leaves.end()) continue;
    if (const auto* one = std::get_if<std::string>(&leaf->second.value.data); one != nullptr && std::string(key) == "label")
      add(*one);
    if (const auto* list = std::get_if<std::vector<Value>>(&leaf->second.value.data)) {
      for (const auto& value : *list) {
        if (const auto* text = std::get_if<std::string>(&value.data)) add(*text);
      }
    }
  }
  if (const auto table = text_at(tree, path, "table"); !table.empty()) {
    Tree entries;
    if (read_tree((folder / table).lexically_normal(), entries, faults)) {
      for (const auto& [key, leaf] : entries.leaves) add(key.front());
    }
  }
  return labels;
}

// What plugins without an option `encoding` read.
std::string encoding_of(const std::string& use, const std::string& stated) {
  static const std::map<std::string, std::string> known = {
      {"volume_folder", "values"},  {"label_volume", "values"},      {"npz_cases", "values"},     {"array_stack", "values"},
      {"coco", "polygons and RLE"}, {"instance_image", "instances"}, {"paired_folders", "binary"}};
  if (!stated.empty()) return stated;
  const auto found = known.find(use);
  return found == known.end() ? "" : found->second;
}

void read_recipe(const fs::path& file, const Tree& words, std::vector<Recipe>& recipes, std::vector<Fault>& faults) {
  Layers layers;
  if (!load_layers(file, layers, faults)) return;
  const Tree& tree = layers.merged;
  std::vector<std::string> names;
  for (const auto& table : below(tree.tables, {"dataset"})) {
    if (table->first.size() == 2) names.push_back(table->first[1]);
  }
  if (names.empty()) faults.push_back({file.string(), "describes no dataset", "", "a table [dataset.NAME]", ""});
  const Schema schema = schema_of<DatasetOptions>();
  for (const auto& name : names) {
    const KeyPath path = {"dataset", name};
    const auto home = file.parent_path();
    Recipe recipe;
    recipe.name = name;
    recipe.file = file;
    recipe.use = text_at(tree, path, "use");
    recipe.encoding = encoding_of(recipe.use, text_at(tree, path, "encoding"));
    recipe.group = text_at(tree, path, "subject");
    recipe.common =
        options_from<DatasetOptions>(check_options(tree, {path, file.string(), "", &schema, {}, false}, home, faults).values);
    for (const auto& label : labels_of(tree, path, home, faults))
      recipe.terms.emplace_back(label, text_at(words, {label}, "text"));
    recipes.push_back(std::move(recipe));
  }
}

}  // namespace

std::optional<fs::path> find_recipes() {
  std::error_code error;
  for (auto start : {fs::current_path(error), fs::read_symlink("/proc/self/exe", error).parent_path()}) {
    for (; !start.empty(); start = start.parent_path()) {
      if (auto folder = start / "experiments/base/datasets"; fs::is_directory(folder, error)) return folder;
      if (start == start.root_path()) break;
    }
  }
  return std::nullopt;
}

std::vector<Recipe> read_recipes(const fs::path& folder) {
  std::vector<Fault> faults;
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  if (error) faults.push_back({folder.string(), "folder of recipes cannot be read", error.message(), "a folder", ""});
  std::sort(files.begin(), files.end());
  Tree words;
  const auto dictionary = folder.parent_path() / "dictionary.toml";
  if (fs::exists(dictionary, error)) read_tree(dictionary, words, faults);
  std::vector<Recipe> recipes;
  for (const auto& file : files) read_recipe(file, words, recipes, faults);
  if (!faults.empty()) throw UsageError(faults);
  return recipes;
}

}  // namespace sam3lab
