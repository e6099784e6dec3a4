#include "core/registry/registry.h"

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/config/tables.h"
#include "core/registry/plugin_file.h"

namespace sam3lab {
namespace {

bool is_plugin_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name != "none" &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

// A mistake of the plugin's author in an option struct, or nothing.
std::string bad_schema(const Schema& schema, const std::string& slot) {
  std::set<std::string> names = {"use"};
  if (slot == "dataset") {
    for (const OptionSpec& option : schema_of<DatasetOptions>()) names.insert(option.name);
  }
  for (const OptionSpec& option : schema) {
    if (!is_bare_key(option.name)) return "option '" + option.name + "' has a name that TOML would need to quote";
    if (!names.insert(option.name).second) return "option '" + option.name + "' is taken";
    if (option.limits.is_required()) continue;
    if (const auto expected = option.limits.refuse(option.default_value)) {
      return "option '" + option.name + "' has a default of " + format_value(option.default_value) + ", which is not " +
             *expected;
    }
  }
  return "";
}

std::vector<std::filesystem::path> libraries_in(const std::filesystem::path& folder, std::vector<Fault>& faults) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) {
    faults.push_back({folder.string(), "plugin folder cannot be read", error.message(), "a folder",
                      "correct SAM3LAB_PLUGIN_PATH, or build the plugins: ninja -C build"});
    return files;
  }
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  if (files.empty())
    faults.push_back({folder.string(), "plugin folder holds no plugin", "no file *.so", "at least one",
                      "correct SAM3LAB_PLUGIN_PATH, or build the plugins: ninja -C build"});
  std::ranges::sort(files);  // the same order, and so the same messages, on every file system
  return files;
}

}  // namespace

// Takes what a plugin's body offers and keeps what is sound.
class Registry::Collector final : public Registrar {
 public:
  Collector(Registry& registry, LoadedPlugin& plugin, std::vector<Fault>& faults)
      : registry_(registry), plugin_(plugin), faults_(faults) {}

  void add(Offer offer) override {
    const std::string id = offer.slot + "/" + offer.name;
    const std::string file = plugin_.file.string();
    if (std::ranges::find(slots, offer.slot) == slots.end()) {
      faults_.push_back({file, "offers " + id + " for an unknown slot", "", join({slots.begin(), slots.end()}), ""});
    } else if (!is_plugin_name(offer.name)) {
      faults_.push_back({file, "offers " + id, "", "a name of small letters, digits and '_', other than 'none'", ""});
    } else if (const std::string reason = bad_schema(offer.schema, offer.slot); !reason.empty()) {
      faults_.push_back({file, id + ": " + reason, "", "", "correct visit() of its option struct"});
    } else if (const auto first = registry_.entries_.find(id); first != registry_.entries_.end()) {
      faults_.push_back({file, id + " is claimed twice", "", "",
                         "first claimed by " + first->second.file.string() + ": rename or remove one"});
    } else {
      plugin_.offers.push_back(id);
      registry_.catalogue_[offer.slot][offer.name] = {offer.about, offer.schema};
      registry_.entries_.emplace(id, Entry{std::move(offer), plugin_.file});
    }
  }

 private:
  Registry& registry_;
  LoadedPlugin& plugin_;
  std::vector<Fault>& faults_;
};

PluginSources default_sources(const std::vector<std::string>& files) {
  PluginSources sources;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) sources.folders.push_back(program.parent_path() / "plugins");
  const char* path = std::getenv("SAM3LAB_PLUGIN_PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    if (colon != 0) sources.folders.emplace_back(rest.substr(0, colon));
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  sources.files.assign(files.begin(), files.end());
  return sources;
}

Registry::Registry(const PluginSources& sources) {
  std::vector<Fault> faults;
  std::vector<std::filesystem::path> files;
  for (const auto& folder : sources.folders) {
    const auto found = libraries_in(folder, faults);
    files.insert(files.end(), found.begin(), found.end());
  }
  files.insert(files.end(), sources.files.begin(), sources.files.end());
  std::set<std::filesystem::path> seen;  // a folder may be named twice; its plugins are not claimed twice for that
  for (const auto& file : files) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
      faults.push_back({file.string(), "there is no such plugin file", "", "a shared library", ""});
    } else if (seen.insert(std::filesystem::canonical(file, error)).second) {
      load(file, faults);
    }
  }
  if (!faults.empty()) throw UsageError(faults);
}

void Registry::load(const std::filesystem::path& file, std::vector<Fault>& faults) {
  const PluginInfo* info = open_plugin(file, faults);
  if (info == nullptr) return;
  LoadedPlugin plugin{info->name, info->version, info->stamp, file, {}};
  Collector collector(*this, plugin, faults);
  try {
    info->enrol(collector);
  } catch (const std::exception& error) {
    faults.push_back({file.string(), "SAM3LAB_PLUGIN(" + plugin.name + ") failed", error.what(), "", ""});
  } catch (...) {
    faults.push_back({file.string(), "SAM3LAB_PLUGIN(" + plugin.name + ") failed", "an exception of unknown type", "", ""});
  }
  plugins_.push_back(std::move(plugin));
}

std::filesystem::path Registry::origin(const std::string& slot, const std::string& name) const {
  const auto entry = entries_.find(slot + "/" + name);
  return entry == entries_.end() ? std::filesystem::path() : entry->second.file;
}

const Offer* Registry::offer(std::string_view slot, const std::string& name) const {
  const auto entry = entries_.find(std::string(slot) + "/" + name);
  return entry == entries_.end() ? nullptr : &entry->second.offer;
}

std::shared_ptr<void> Registry::make_erased(const std::string& slot, const PluginChoice& choice) const {
  const auto entry = entries_.find(slot + "/" + choice.use);
  if (entry == entries_.end()) throw UsageError(unknown_plugin(catalogue_, choice.where, slot, choice.use));
  return entry->second.offer.make(choice.options);
}

}  // namespace sam3lab
