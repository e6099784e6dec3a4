// Windows: which intensities are shown as black and white. One list for all datasets.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/image.h>

namespace sam3lab {

struct WindowPreset {
  std::string name;                    // "ct_lung"
  std::optional<double> level, width;  // HU of CT; absent where the limits come from the values
  std::string about;
};

// ct_soft ct_lung ct_bone ct_brain ct_subdural ct_stroke ct_liver ct_mediastinum ct_angio, mr, pet, xray, file, full; see
// docs/reference/formats.md for numbers and sources.
SAM3LAB_API const std::vector<WindowPreset>& window_presets();
SAM3LAB_API std::vector<std::string> window_names();  // for one_of()

// Black and white of preset `name`: level -/+ width / 2; mr: percentiles 0.5 and 99.5 of the voxels that are not zero; pet: 0
// and percentile 99.9; xray: percentiles 0.5 and 99.5; file: the file's own window, else as xray; full: least and largest.
// UsageError for an unknown name; DataError with `where` if nothing differs between black and white.
SAM3LAB_API std::pair<double, double> window_limits(const std::string& name, const Volume& volume, const std::string& where);

}  // namespace sam3lab
