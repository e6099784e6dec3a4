// The plugins of a session: loaded, checked, and frozen into name tables before an experiment is read.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/plugin.h>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"

namespace sam3lab {

struct LoadedPlugin {
  std::string name, version, stamp;
  std::filesystem::path file;
  std::vector<std::string> offers;  // "loss/dice"
};

// Where plugins are looked for. Every .so of a folder counts; one that is no plugin is an error, never skipped.
struct PluginSources {
  std::vector<std::filesystem::path> folders, files;
};

// `plugins` beside the program, the folders of SAM3LAB_PLUGIN_PATH (colon-separated), and `files` of the command line.
[[nodiscard]] PluginSources default_sources(const std::vector<std::string>& files);

class Registry {
 public:
  // Loads everything; all faults in one UsageError. Libraries stay loaded until the process ends: objects of theirs may live
  // on.
  explicit Registry(const PluginSources& sources);

  [[nodiscard]] const std::vector<LoadedPlugin>& plugins() const { return plugins_; }
  [[nodiscard]] const Catalogue& catalogue() const { return catalogue_; }
  // The file that an offer came from; empty if there is none.
  [[nodiscard]] std::filesystem::path origin(const std::string& slot, const std::string& name) const;

  // What a plugin offers; null if there is no such plugin.
  [[nodiscard]] const Offer* offer(std::string_view slot, const std::string& name) const;

  // `choice` comes from an experiment that was read with this catalogue. A name that does not exist is a UsageError.
  template <class Slot>
  [[nodiscard]] std::shared_ptr<Slot> make(const PluginChoice& choice) const {
    return std::static_pointer_cast<Slot>(make_erased(std::string(Slot::slot), choice));
  }

 private:
  struct Entry {
    Offer offer;
    std::filesystem::path file;
  };
  class Collector;

  void load(const std::filesystem::path& file, std::vector<Fault>& faults);
  [[nodiscard]] std::shared_ptr<void> make_erased(const std::string& slot, const PluginChoice& choice) const;

  std::map<std::string, Entry> entries_;  // "loss/dice"
  std::vector<LoadedPlugin> plugins_;
  Catalogue catalogue_;
};

}  // namespace sam3lab
