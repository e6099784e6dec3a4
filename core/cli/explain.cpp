// sam3lab explain SLOT/NAME | TABLE | term/NAME [--json]
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/cli/metric_lines.h"
#include "core/cli/terms.h"
#include "core/registry/registry.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

struct Subject {
  std::string title, about, header, use;  // header: "loss.dice", as the experiment file writes it
  Schema own, common;                     // common: keys of the table that belong to no plugin
  std::string file;
  std::optional<MetricInfo> metric = {};  // of a metric plugin
};

nlohmann::ordered_json to_json(const OptionValue& value) {
  return std::visit([](const auto& v) -> nlohmann::ordered_json { return v; }, value);
}

Subject find_subject(const Context& context, const std::string& name) {
  if (const auto table = core_tables().find(name); table != core_tables().end()) {
    return {"[" + name + "]", table->second.about, name, "", table->second.schema, {}, ""};
  }
  const std::size_t slash = name.find('/');
  std::vector<std::string> tables;
  for (const auto& [table, entry] : core_tables()) tables.push_back(table);
  std::vector<std::string> known = tables;
  const Registry& registry = context.registry();
  for (const auto& [slot, entries] : registry.catalogue()) {
    for (const auto& [plugin, entry] : entries) known.push_back(slot + "/" + plugin);
  }
  const std::string slot = name.substr(0, slash), plugin = slash == std::string::npos ? "" : name.substr(slash + 1);
  if (slash == std::string::npos || std::ranges::find(slots, slot) == slots.end()) {
    throw UsageError(Fault{"sam3lab explain", "unknown subject '" + shorten(name) + "'", "",
                           "SLOT/NAME or one of " + join(tables), did_you_mean(name, known)});
  }
  const auto entries = registry.catalogue().find(slot);
  if (entries == registry.catalogue().end() || !entries->second.contains(plugin)) {
    throw UsageError(unknown_plugin(registry.catalogue(), "sam3lab explain", slot, plugin));
  }
  const CatalogueEntry& entry = entries->second.at(plugin);
  const bool is_dataset = slot == "dataset";
  const std::string key = is_dataset ? "NAME" : slot == "matcher" && plugin != "one_to_many" ? "one_to_one" : plugin;
  const std::string header = is_single(slot) ? slot : slot + "." + key;
  return {name,
          entry.about,
          header,
          is_single(slot) || key != plugin ? plugin : "",
          entry.schema,
          is_dataset ? schema_of<DatasetOptions>() : Schema{},
          registry.origin(slot, plugin).string(),
          slot == "metric" ? info_of_plugin(registry, plugin) : std::nullopt};
}

void print_option(const OptionSpec& option) {
  const Limits& limits = option.limits;
  std::cout << "  " << option.name << "  " << type_name(option.default_value);
  if (const std::string range = limits.describe(); !range.empty()) std::cout << ", " << range;
  if (!limits.unit().empty()) std::cout << ", in " << limits.unit();
  if (limits.is_without_result()) std::cout << ", no part of a run's identity";
  if (limits.is_path()) std::cout << ", a path from the folder of the experiment file";
  std::cout << (limits.is_required() ? "; required" : "; default " + format_value(option.default_value)) << "\n";
  if (!limits.about().empty()) std::cout << "      " << limits.about() << "\n";
}

// A placeholder for a required option, which the user replaces.
std::string snippet_value(const OptionSpec& option) {
  return option.limits.words().empty() ? format_value(option.default_value) : format_value(option.limits.words().front());
}

void print_snippet(const Subject& subject) {
  std::cout << "\n[" << subject.header << "]\n";
  if (!subject.use.empty()) std::cout << "use = " << format_value(subject.use) << "\n";
  for (const Schema* schema : {&subject.common, &subject.own}) {
    for (const OptionSpec& option : *schema) {
      if (option.limits.is_required()) std::cout << option.name << " = " << snippet_value(option) << "  # required\n";
    }
    for (const OptionSpec& option : *schema) {
      if (!option.limits.is_required()) std::cout << "# " << option.name << " = " << format_value(option.default_value) << "\n";
    }
  }
}

void print_explanation_text(const Subject& subject) {
  std::cout << subject.title << (subject.about.empty() ? "" : ": " + subject.about) << "\n";
  if (!subject.file.empty()) std::cout << "from " << subject.file << "\n";
  if (subject.metric) std::cout << metric_lines(*subject.metric);
  std::cout << "\noptions\n";
  for (const OptionSpec& option : subject.own) print_option(option);
  if (subject.own.empty()) std::cout << "  none\n";
  if (!subject.common.empty()) std::cout << "\noptions of every [" << subject.header << "]\n";
  for (const OptionSpec& option : subject.common) print_option(option);
  print_snippet(subject);
}

nlohmann::ordered_json option_json(const OptionSpec& option) {
  nlohmann::ordered_json json = {
      {"name", option.name}, {"type", type_name(option.default_value)}, {"required", option.limits.is_required()}};
  if (!option.limits.is_required()) json["default"] = to_json(option.default_value);
  json["limits"] = option.limits.describe();
  if (!option.limits.words().empty()) json["one_of"] = option.limits.words();
  json["unit"] = option.limits.unit();
  json["path"] = option.limits.is_path();
  json["in_identity"] = !option.limits.is_without_result();
  json["about"] = option.limits.about();
  return json;
}

void print_explanation_json(const Subject& subject) {
  nlohmann::ordered_json json = {
      {"name", subject.title}, {"about", subject.about}, {"file", subject.file}, {"table", subject.header}};
  if (subject.metric) json["metric"] = metric_json(*subject.metric);
  json["options"] = nlohmann::ordered_json::array();
  for (const OptionSpec& option : subject.own) json["options"].push_back(option_json(option));
  if (!subject.common.empty()) json["common"] = nlohmann::ordered_json::array();
  for (const OptionSpec& option : subject.common) json["common"].push_back(option_json(option));
  std::cout << json.dump(2) << "\n";
}

int run_explain(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("subject", po::value<std::string>()->required(),
                        "SLOT/NAME, a table of the program, such as train, or term/NAME")(
      "dictionary", po::value<std::string>()->default_value(""), "file of the terms; empty: that of the recipes");
  po::positional_options_description positions;
  positions.add("subject", 1);
  const auto values = parse_arguments(explain_command, arguments, options, positions);
  if (!values) return 0;
  const auto name = (*values)["subject"].as<std::string>();
  static constexpr std::string_view term = "term/";
  if (name.starts_with(term))
    return explain_term((*values)["dictionary"].as<std::string>(), name.substr(term.size()), context.json), 0;
  const Subject subject = find_subject(context, name);
  (context.json ? print_explanation_json : print_explanation_text)(subject);
  return 0;
}

}  // namespace

extern const Command explain_command = {"explain",
                                        "options of a plugin or of a table: types, ranges, defaults, units; or a term",
                                        "explain SLOT/NAME | TABLE | term/NAME [--dictionary FILE] [--json]", run_explain};

}  // namespace sam3lab
