#include "core/config/assemble.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/check.h"
#include "core/config/check_data.h"
#include "core/config/check_metrics.h"
#include "core/config/check_training.h"
#include "core/config/resolved.h"

namespace sam3lab {
namespace {

constexpr std::size_t longest_name = 100;

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= longest_name && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) { return c == '.' || is_bare_key(std::string_view(&c, 1)); });
}

std::string name_from(const std::filesystem::path& file) {
  std::string name = file.stem().string().substr(0, longest_name);
  for (char& c : name) {
    if (c != '.' && !is_bare_key(std::string_view(&c, 1))) c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(name.begin(), '_');
  return name.substr(0, longest_name);
}

// Without options that change no result: a better citation makes no other run, nor does another folder for decoded cases.
std::vector<ResolvedTable> that_count(std::vector<ResolvedTable> tables, const Catalogue& catalogue) {
  const Schema common = schema_of<DatasetOptions>();
  for (ResolvedTable& table : tables) {
    const auto leave_out = [&table](const Schema& schema) {
      for (const OptionSpec& option : schema) {
        if (option.limits.is_without_result()) table.values.erase(option.name);
      }
    };
    const std::string& slot = table.path.front();
    if (slot == "dataset") leave_out(common);
    if (!table.use.empty()) leave_out(catalogue.at(slot).at(table.use).schema);
  }
  return tables;
}

class Assembler {
 public:
  Assembler(const Tree& tree, const std::filesystem::path& file, const Catalogue& catalogue, std::vector<Fault>& faults)
      : tree_(tree), file_(file), home_(file.parent_path()), catalogue_(catalogue), faults_(faults) {}

  Experiment run(bool data_alone) {
    refuse_unknown_tables();
    read_name();
    read_seeds();
    read_slots();
    experiment_.train = read_core<TrainOptions>("train");
    experiment_.augment = read_core<AugmentOptions>("augment");
    experiment_.evaluate = read_evaluate();
    experiment_.split = read_core<SplitOptions>("split");
    experiment_.checkpoint = read_core<CheckpointOptions>("checkpoint");
    experiment_.identity = sha256(write_tables(that_count(resolved_, catalogue_)));
    experiment_.data = read_core<DataOptions>("data");
    experiment_.record = read_core<RecordOptions>("record");
    if (data_alone) {
      need(!experiment_.datasets.empty(), "data", "[dataset.NAME]");
    } else {
      refuse_missing();
    }
    if (faults_.empty()) {
      for (auto& fault : data_faults(experiment_, file_.string())) faults_.push_back(std::move(fault));
    }
    experiment_.file = file_;
    experiment_.resolved_toml = "name = " + format_value(experiment_.name) + "\nseeds = " + format_value(experiment_.seeds) +
                                "\n" + write_tables(resolved_);
    return std::move(experiment_);
  }

  PluginChoice run_backbone() {
    auto choice = read_choice<PluginChoice>("backbone", {"backbone"});
    if (choice) return *std::move(choice);
    if (faults_.empty()) faults_.push_back({file_.string(), "has no model", "", "a table [backbone]", ""});
    return {};
  }

 private:
  void refuse_unknown_tables() {
    std::vector<std::string> known = {"extends", "grid", "name", "seeds", "variant"};
    for (const auto& [name, entry] : core_tables()) known.push_back(name);
    known.insert(known.end(), slots.begin(), slots.end());
    std::ranges::sort(known);
    std::map<std::string, std::string> first;  // top-level name -> where
    for (const auto& [path, where] : tree_.tables) first.try_emplace(path.front(), where);
    for (const auto& [path, leaf] : tree_.leaves) first.try_emplace(path.front(), leaf.where);
    for (const auto& [name, where] : first) {
      const bool is_table = !tree_.leaves.contains({name});
      const bool wants_table = name != "extends" && name != "name" && name != "seeds";
      if (!std::ranges::binary_search(known, name)) {
        faults_.push_back({where,
                           "unknown " + std::string(is_table ? "table " : "key ") + dotted({name}) + "; known: " + join(known),
                           "", "", did_you_mean(name, known)});
      } else if (name == "extends") {
        faults_.push_back({where, "extends can be given in a file alone", "", "", ""});
      } else if (wants_table != is_table) {
        faults_.push_back({where, name + " has the wrong type", is_table ? "a table" : show(tree_.leaves.at({name}).value),
                           wants_table      ? "a table"
                           : name == "name" ? "text"
                                            : "list of integers",
                           ""});
      }
    }
  }

  void read_name() {
    experiment_.name = name_from(file_);
    const auto leaf = tree_.leaves.find({"name"});
    if (leaf == tree_.leaves.end()) return;
    const auto* text = std::get_if<std::string>(&leaf->second.value.data);
    if (text != nullptr && is_file_name(*text)) {
      experiment_.name = *text;
    } else {
      faults_.push_back({leaf->second.where, "name cannot name files", show(leaf->second.value),
                         "letters, digits, '.', '-' and '_', at most 100, not beginning with '.'", ""});
    }
  }

  void read_seeds() {
    experiment_.seeds = {0};
    const auto leaf = tree_.leaves.find({"seeds"});
    if (leaf == tree_.leaves.end()) return;
    const Value& value = leaf->second.value;
    const auto fault = [&](const std::string& what, const std::string& fix = "") {
      faults_.push_back({leaf->second.where, what, show(value), "list of different integers, at least 0", fix});
    };
    const auto* items = std::get_if<std::vector<Value>>(&value.data);
    if (items == nullptr) {
      const bool one = std::holds_alternative<std::int64_t>(value.data);
      return fault("seeds has the wrong type", one ? "write seeds = [" + show(value) + "]" : "");
    }
    if (items->empty()) return fault("seeds is empty");
    Integers seeds;
    for (const Value& item : *items) {
      const auto* seed = std::get_if<std::int64_t>(&item.data);
      if (seed == nullptr || *seed < 0) return fault("seeds holds " + show(item));
      if (std::ranges::find(seeds, *seed) != seeds.end()) return fault("seeds holds " + show(item) + " twice");
      seeds.push_back(*seed);
    }
    experiment_.seeds = seeds;
  }

  template <class Options>
  Options read_core(const std::string& name) {
    const auto table = tree_.tables.find({name});
    const std::string where = table == tree_.tables.end() ? file_.string() : table->second;
    const CheckedOptions checked = check_options(tree_, {{name}, where, "", &core_tables().at(name).schema}, home_, faults_);
    resolved_.push_back({{name}, "", checked.portable});
    return options_from<Options>(checked.values);
  }

  // The published evaluator's numbers are part of its protocol: other ones would be another protocol under its name.
  EvaluateOptions read_evaluate() {
    auto options = read_core<EvaluateOptions>("evaluate");
    if (options.protocol != "upstream") return options;
    const auto fix = [&](const char* name, double& value, double published) {
      const auto leaf = tree_.leaves.find({"evaluate", name});
      if (leaf != tree_.leaves.end() && value != published) {
        faults_.push_back({leaf->second.where, "evaluate." + std::string(name) + " is fixed under protocol \"upstream\"",
                           show(leaf->second.value), format_value(published), "leave it out, or use protocol = \"strict\""});
      }
      value = published;
      resolved_.back().values[name] = published;
    };
    fix("threshold", options.threshold, EvaluateOptions::upstream_threshold);
    fix("confidence", options.confidence, EvaluateOptions::upstream_confidence);
    return options;
  }

  void read_slots() {
    for (const std::string_view view : slots) {
      const std::string slot(view);
      if (is_single(slot)) {
        auto choice = read_choice<PluginChoice>(slot, {slot});
        if (choice) (slot == "backbone" ? experiment_.backbone : experiment_.scheme) = *choice;
        continue;
      }
      for (const std::string& key : keys_of(slot)) read_named(slot, key);
    }
  }

  // Second-level names below [slot]; a plain value there is refused.
  std::vector<std::string> keys_of(const std::string& slot) {
    std::set<std::string> keys;
    for (const auto& table : below(tree_.tables, {slot})) {
      if (table->first.size() > 1) keys.insert(table->first[1]);
    }
    for (const auto& leaf : below(tree_.leaves, {slot})) {
      if (leaf->first.size() > 2) keys.insert(leaf->first[1]);
      if (leaf->first.size() == 2) {
        faults_.push_back({leaf->second.where, dotted(leaf->first) + " has the wrong type", show(leaf->second.value),
                           "a table [" + slot + ".NAME]", ""});
      }
    }
    return {keys.begin(), keys.end()};
  }

  void read_named(const std::string& slot, const std::string& key) {
    const KeyPath path = {slot, key};
    if (slot == "dataset") {
      if (auto choice = read_choice<DatasetChoice>(key, path)) experiment_.datasets.emplace(key, *std::move(choice));
      return;
    }
    static const std::vector<std::string> roles = {"one_to_many", "one_to_one"};
    if (slot == "matcher" && std::ranges::find(roles, key) == roles.end()) {
      faults_.push_back({where_of(path), "unknown table " + dotted(path) + "; known: matcher.one_to_many, matcher.one_to_one",
                         "", "", did_you_mean(key, roles)});
      return;
    }
    auto choice = read_choice<PluginChoice>(key, path);
    if (!choice) return;
    auto& choices = slot == "matcher"  ? experiment_.matchers
                    : slot == "loss"   ? experiment_.losses
                    : slot == "prompt" ? experiment_.prompts
                                       : experiment_.metrics;
    choices.emplace(key, *std::move(choice));
  }

  std::string where_of(const KeyPath& path) const {
    const auto table = tree_.tables.find(path);
    if (table != tree_.tables.end()) return table->second;
    const auto leaves = below(tree_.leaves, path);
    return leaves.empty() ? file_.string() : leaves.front()->second.where;
  }

  // The plugin of a table with its options; nothing if there is none (no table, use = "none", or a fault).
  template <class Choice>
  std::optional<Choice> read_choice(const std::string& key, const KeyPath& path) {
    Choice choice;
    choice.slot = path.front();
    choice.key = is_single(choice.slot) ? "" : key;
    choice.use = choice.key;
    choice.where = where_of(path);
    KeyPath use = path;
    use.emplace_back("use");
    if (const auto leaf = tree_.leaves.find(use); leaf != tree_.leaves.end()) {
      choice.where = leaf->second.where;
      const auto* text = std::get_if<std::string>(&leaf->second.value.data);
      if (text == nullptr) {
        faults_.push_back(
            {choice.where, dotted(use) + " has the wrong type", show(leaf->second.value), "name of a plugin", ""});
        return std::nullopt;
      }
      choice.use = *text;
    } else if (choice.use.empty()) {
      if (tree_.tables.contains(path))
        faults_.push_back({choice.where, dotted(use) + " is missing", "", "name of a plugin", ""});
      return std::nullopt;
    }
    if (choice.use == "none") return std::nullopt;
    const CatalogueEntry* entry = find_plugin(choice);
    return entry == nullptr ? std::nullopt : fill(std::move(choice), path, entry->schema);
  }

  const CatalogueEntry* find_plugin(const PluginChoice& choice) {
    if (const auto slot = catalogue_.find(choice.slot); slot != catalogue_.end()) {
      if (const auto entry = slot->second.find(choice.use); entry != slot->second.end()) return &entry->second;
    }
    faults_.push_back(unknown_plugin(catalogue_, choice.where, choice.slot, choice.use));
    return nullptr;
  }

  template <class Choice>
  std::optional<Choice> fill(Choice choice, const KeyPath& path, const Schema& schema) {
    OptionTable table{path, choice.where, choice.use, &schema, {"use"}};
    OptionValues portable;
    if constexpr (std::is_same_v<Choice, DatasetChoice>) {
      const Schema common = schema_of<DatasetOptions>();
      for (const OptionSpec& option : common) table.other_keys.push_back(option.name);
      const CheckedOptions shared = check_options(tree_, {path, choice.where, choice.use, &common, {}, false}, home_, faults_);
      choice.common = options_from<DatasetOptions>(shared.values);
      portable = shared.portable;
    }
    CheckedOptions checked = check_options(tree_, table, home_, faults_);
    choice.options = std::move(checked.values);
    portable.merge(checked.portable);
    resolved_.push_back({path, choice.use, std::move(portable)});
    return choice;
  }

  void need(bool there, const std::string& what, const std::string& table) {
    if (!there) faults_.push_back({file_.string(), "has no " + what, "", "a table " + table, ""});
  }

  // What no experiment can do without. Nothing is said where a fault above may be the reason.
  void refuse_missing() {
    if (!faults_.empty()) return;
    need(!experiment_.backbone.use.empty(), "model", "[backbone]");
    need(!experiment_.datasets.empty(), "data", "[dataset.NAME]");
    need(!experiment_.prompts.empty(), "prompts", "[prompt.NAME]");
    need(!experiment_.metrics.empty(), "scores", "[metric.NAME]");
    for (auto& fault : metric_faults(experiment_, file_.string())) faults_.push_back(std::move(fault));
    for (auto& fault : training_faults(experiment_, file_.string())) faults_.push_back(std::move(fault));
    if (experiment_.train.steps == 0) return;
    need(!experiment_.scheme.use.empty(), "training scheme", "[scheme]");
    need(experiment_.matchers.contains("one_to_one"), "matcher", "[matcher.one_to_one]");
    need(!experiment_.losses.empty(), "loss", "[loss.NAME]");
    need(std::ranges::any_of(
             experiment_.datasets,
             [](const auto& d) { return d.second.common.role == "internal" && d.second.common.sampling_weight > 0; }),
         "data to train on", "[dataset.NAME] with role = \"internal\" and sampling_weight > 0");
  }

  const Tree& tree_;
  const std::filesystem::path& file_;
  const std::filesystem::path home_;
  const Catalogue& catalogue_;
  std::vector<Fault>& faults_;
  std::vector<ResolvedTable> resolved_;
  Experiment experiment_;
};

}  // namespace

Experiment assemble(const Tree& tree, const std::filesystem::path& file, const Catalogue& catalogue, std::vector<Fault>& faults,
                    bool data_alone) {
  return Assembler(tree, file, catalogue, faults).run(data_alone);
}

PluginChoice assemble_backbone(const Tree& tree, const std::filesystem::path& file, const Catalogue& catalogue,
                               std::vector<Fault>& faults) {
  return Assembler(tree, file, catalogue, faults).run_backbone();
}

}  // namespace sam3lab
