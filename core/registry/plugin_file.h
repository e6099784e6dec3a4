// One shared library -> its PluginInfo, or a fault that names both sides.
#pragma once
#include <filesystem>
#include <vector>

#include <sam3lab/plugin.h>

namespace sam3lab {

// Null if the file is no plugin for this program. The library stays in memory.
const PluginInfo* open_plugin(const std::filesystem::path& file, std::vector<Fault>& faults);

}  // namespace sam3lab
