#include <sam3lab/api/windows.h>

#include <algorithm>

#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

std::pair<double, double> of_values(const std::string& name, const Volume& volume) {
  const auto& voxels = volume.voxels;
  constexpr double low = 0.5, high = 99.5, hottest = 99.9;
  if (name == "file" && volume.shown) return *volume.shown;
  if (name == "full") return percentiles(voxels, 0, 100);
  if (name == "pet") return {0.0, percentiles(voxels, 0, hottest).second};
  if (name == "mr") {
    const auto body = voxels.masked_select(voxels.ne(0));
    if (body.numel() > 0) return percentiles(body, low, high);
  }
  return percentiles(voxels, low, high);
}

}  // namespace

const std::vector<WindowPreset>& window_presets() {
  static const std::vector<WindowPreset> presets = {
      {"ct_soft", 40, 400, "CT: abdomen, soft tissue"},
      {"ct_lung", -600, 1500, "CT: lung"},
      {"ct_bone", 400, 1800, "CT: bone"},
      {"ct_brain", 40, 80, "CT: brain"},
      {"ct_subdural", 75, 215, "CT: blood beside bone"},
      {"ct_stroke", 40, 40, "CT: early infarct"},
      {"ct_liver", 30, 150, "CT: liver"},
      {"ct_mediastinum", 50, 350, "CT: mediastinum"},
      {"ct_angio", 300, 600, "CT: vessels with contrast"},
      {"mr", std::nullopt, std::nullopt, "MR: percentiles 0.5 and 99.5 of the voxels that are not zero"},
      {"pet", std::nullopt, std::nullopt, "PET: 0 to percentile 99.9"},
      {"xray", std::nullopt, std::nullopt, "X-ray: percentiles 0.5 and 99.5"},
      {"file", std::nullopt, std::nullopt, "the file's own window, else percentiles 0.5 and 99.5"},
      {"full", std::nullopt, std::nullopt, "least to largest value"},
  };
  return presets;
}

std::vector<std::string> window_names() {
  std::vector<std::string> names;
  for (const auto& preset : window_presets()) names.push_back(preset.name);
  return names;
}

std::pair<double, double> window_limits(const std::string& name, const Volume& volume, const std::string& where) {
  const auto& presets = window_presets();
  const auto found = std::find_if(presets.begin(), presets.end(), [&name](const auto& preset) { return preset.name == name; });
  if (found == presets.end()) {
    std::string known;
    for (const auto& preset : presets) known += (known.empty() ? "" : ", ") + preset.name;
    throw UsageError(Fault{where, "unknown window '" + name + "'", "", known, ""});
  }
  if (found->level) return {*found->level - *found->width / 2, *found->level + *found->width / 2};
  const auto limits = of_values(name, volume);
  if (limits.first < limits.second) return limits;
  throw DataError(Fault{where, "a volume without contrast", "one intensity between the limits of window '" + name + "'",
                        "intensities that differ", "set window = \"range\""});
}

}  // namespace sam3lab
