// Predictions for files of pictures and volumes, as files: masks, overlays and what a program wants to know of them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/image.h>

#include "core/config/tables.h"

namespace sam3lab {

struct PredictRequest {
  std::vector<std::filesystem::path> images;
  std::vector<std::string> prompts;
  std::filesystem::path folder;
  // What is kept. Without `best`, as the published processor: every instance whose confidence exceeds `confidence`, mask
  // probability above 0.5. With `best`: the most confident mask of a prompt, by the evaluation protocol given there.
  double confidence = 0.5;
  std::optional<EvaluateOptions> best;
  // Grey values shown as 0 and 255, or percentiles of each image's values; neither: of pictures see rgb_bytes, of volumes
  // percentiles 0.5 and 99.5.
  std::optional<std::pair<double, double>> window, percentiles;
  // Of volumes alone.
  std::string preset;          // a window by name (windows.h) in place of both; empty: none
  std::string axis = "axial";  // along which slices are cut: "axial", "coronal", "sagittal"
  VolumePart part = {};
  std::function<void(std::size_t done, const std::string& image)> progress;
};

// The folder of each image below request.folder: the name of its file or folder without the ending, numbered where two are
// alike.
std::vector<std::filesystem::path> image_folders(const PredictRequest& request);
// The files that an earlier prediction left in such a folder.
std::vector<std::filesystem::path> earlier_files(const std::filesystem::path& image_folder);

// Writes, for image I and prompt number N, I/N-PROMPT-1.png, -2.png ... (instances, most confident first), -union.png (all of
// them), -semantic.png (the semantic head, where the model has one) and -overlay.png; with `best` and several prompts also
// I/map.png, in which each pixel has the number of one prompt or 0. Masks are 0 and 255 at the image's own size. What is
// written for a volume: predict_volume.h. Returns a list with one entry an image, files named relative to request.folder.
// `model` is put into evaluation mode. Throws DataError for an image that cannot be read and a file that cannot be written.
nlohmann::ordered_json predict_files(Backbone& model, const PredictRequest& request);

}  // namespace sam3lab
