// Predictions for a volume: slice by slice, written back as volumes on the grid of the file that was read.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/eval/predict_files.h"

namespace sam3lab {

// A path that names a volume (image.h), but for a DICOM file of a single frame, which is a picture.
bool shows_volume(const std::filesystem::path& path);
// Its name without the ending: "scan" of "a/scan.nii.gz"; a folder keeps its name.
std::string volume_name(const std::filesystem::path& path);

// Black and white of a volume, as the request wants it.
std::pair<double, double> volume_window(const Volume& volume, const PredictRequest& request, const std::string& file);

// Writes, for the image of that number and prompt N, folder/N-PROMPT.nii.gz (1 where any kept instance of a slice is, else 0)
// and N-PROMPT-overlay.png (the slice with the largest mask); with several prompts also map.nii.gz, in which each voxel has the
// number of one prompt or 0: of the masks that cover it, that of the highest confidence times probability, under the
// processor's rule of the highest score. All volumes have the file's own grid and affine. Returns the image's entry with what
// each slice was given. Throws DataError for a volume that cannot be read, has no contrast, or a file that cannot be written.
nlohmann::ordered_json predict_volume(Backbone& model, const PredictRequest& request, std::size_t number,
                                      const std::filesystem::path& folder);

}  // namespace sam3lab
