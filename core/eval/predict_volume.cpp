#include "core/eval/predict_volume.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include <sam3lab/api/slices.h>
#include <sam3lab/api/windows.h>

#include "core/eval/overlay.h"
#include "core/eval/prompt_answers.h"

namespace sam3lab {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t largest_label = 255;
constexpr double low_percentile = 0.5, high_percentile = 99.5;  // as dataset/label_volume has them

// What is known of one prompt after all slices.
struct Found {
  at::Tensor mask;  // [X, Y, Z] uint8
  ordered_json slices = ordered_json::array();
  std::int64_t voxels = 0, instances = 0, largest_slice = -1, largest = 0;
  double best = 0.0;
};

class VolumePredictor {
 public:
  VolumePredictor(Backbone& model, const PredictRequest& request, std::size_t number, std::filesystem::path folder)
      : model_(model), request_(request), number_(number), folder_(std::move(folder)), axis_(slice_axis(request.axis)) {
    const auto& file = request.images[number];
    auto volume = read_volume(file, request.part);
    turning_ = turning_of(volume);
    affine_ = volume.affine;
    spacing_mm_ = volume.spacing_mm;
    sizes_ = volume.voxels.sizes().vec();
    const auto turned = to_ras(volume);
    volume.voxels.reset();
    window_ = volume_window(turned, request, file.string());
    grey_ = window(turned.voxels, window_.first, window_.second);
    for (std::size_t p = 0; p < request.prompts.size(); ++p) {
      found_.emplace_back();
      found_.back().mask = at::zeros(grey_.sizes(), at::kByte);
    }
    const bool fits = static_cast<std::int64_t>(request.prompts.size()) <= largest_label;
    if (request.prompts.size() > 1) map_ = at::zeros(grey_.sizes(), fits ? at::kByte : at::kInt);
  }

  ordered_json run() {
    for (std::int64_t slice = 0; slice < grey_.size(axis_); ++slice) {
      predict_slice(slice);
      if (request_.progress)
        request_.progress(number_,
                          fmt::format("{}, slice {} of {}", request_.images[number_].string(), slice + 1, grey_.size(axis_)));
    }
    ordered_json result = {{"image", request_.images[number_].string()},
                           {"volume", true},
                           {"sizes", sizes_},
                           {"spacing_mm", spacing_mm_},
                           {"axis", request_.axis},
                           {"array_axis", turning_.from[static_cast<std::size_t>(axis_)]},
                           {"slices", grey_.size(axis_)},
                           {"window", {window_.first, window_.second}}};
    if (map_.defined()) result["map"] = save("map", map_);
    auto prompts = ordered_json::array();
    for (std::size_t p = 0; p < found_.size(); ++p) prompts.push_back(write(p));
    result["prompts"] = std::move(prompts);
    return result;
  }

 private:
  [[nodiscard]] at::Tensor picture(std::int64_t slice) const {
    return upright_slice(grey_, axis_, slice).unsqueeze(2).repeat({1, 1, 3});
  }

  // The number of a slice in the file's own array.
  [[nodiscard]] std::int64_t array_index(std::int64_t slice) const {
    return turning_.reversed[axis_] ? grey_.size(axis_) - 1 - slice : slice;
  }

  void predict_slice(std::int64_t slice) {
    const auto shown = picture(slice);
    auto owner = at::zeros({shown.size(0), shown.size(1)}, at::kInt);
    auto strongest = at::zeros(owner.sizes());
    ask_prompts(model_, request_, shown, [&](std::size_t p, const Answer& answer, const Outputs&, std::int64_t) {
      note(p, slice, answer);
      const auto strength = strength_of(answer, owner.sizes());
      const auto takes = strength.gt(strongest);
      owner.masked_fill_(takes, static_cast<std::int64_t>(p + 1));
      strongest = at::where(takes, strength, strongest);
    });
    if (map_.defined()) put_upright_slice(map_, axis_, slice, owner);
  }

  void note(std::size_t p, std::int64_t slice, const Answer& answer) {
    auto& found = found_[p];
    const auto mask = answer.kept.masks.any(0);
    const auto pixels = mask.sum().item<std::int64_t>(), instances = answer.kept.scores.size(0);
    put_upright_slice(found.mask, axis_, slice, mask);
    ordered_json entry = {{"slice", slice},         {"array_index", array_index(slice)},
                          {"score", answer.score},  {"presence", nullptr},
                          {"instances", instances}, {"pixels", pixels}};
    if (answer.presence) entry["presence"] = *answer.presence;
    found.slices.push_back(std::move(entry));
    found.voxels += pixels;
    found.instances += instances;
    found.best = std::max(found.best, answer.score);
    if (pixels > found.largest) found.largest = pixels, found.largest_slice = slice;
  }

  // [H, W]: how strongly an answer claims each pixel; 0 where it does not. As merge() in predict.h; the processor's instances
  // come without probabilities.
  static at::Tensor strength_of(const Answer& answer, at::IntArrayRef sizes) {
    if (answer.kept.scores.size(0) == 0) return at::zeros(sizes);
    if (answer.best) return answer.best->probability * answer.best->confidence * answer.best->mask;
    return (answer.kept.masks * answer.kept.scores.view({-1, 1, 1})).amax(0);
  }

  ordered_json write(std::size_t p) {
    auto& found = found_[p];
    const auto name = prompt_name(request_, p);
    const double voxel_ml = spacing_mm_[0] * spacing_mm_[1] * spacing_mm_[2] / 1000.0;
    const auto slice = found.largest_slice < 0 ? grey_.size(axis_) / 2 : found.largest_slice;
    const auto caption = fmt::format("{}: {} slice {}, score {:.2f}", request_.prompts[p], request_.axis, slice,
                                     found.slices[static_cast<std::size_t>(slice)]["score"].get<double>());
    const auto overlay = folder_ / (name + "-overlay.png");
    OverlayCase shown;
    shown.image = picture(slice);
    shown.prediction = upright_slice(found.mask, axis_, slice).to(at::kBool);
    shown.caption = caption;
    const auto mask = save(name, found.mask);
    write_png(overlay, draw_overlay(shown));
    return {{"prompt", request_.prompts[p]},
            {"score", found.best},
            {"voxels", found.voxels},
            {"millilitres", static_cast<double>(found.voxels) * voxel_ml},
            {"mask", mask},
            {"overlay", overlay.lexically_relative(request_.folder).generic_string()},
            {"slices", std::move(found.slices)}};
  }

  std::string save(const std::string& name, const at::Tensor& voxels) {
    Volume volume;
    volume.voxels = turned_back(voxels, turning_);
    volume.affine = affine_;
    volume.spacing_mm = spacing_mm_;
    const auto file = folder_ / (name + ".nii.gz");
    write_volume(file, volume);
    return file.lexically_relative(request_.folder).generic_string();
  }

  Backbone& model_;
  const PredictRequest& request_;
  std::size_t number_;
  std::filesystem::path folder_;
  std::int64_t axis_;
  Turning turning_;
  std::array<std::array<double, 4>, 3> affine_{};
  std::array<double, 3> spacing_mm_{};
  std::vector<std::int64_t> sizes_;  // of the file's array
  std::pair<double, double> window_;
  at::Tensor grey_, map_;  // [X, Y, Z], to the patient's right, anterior, superior; uint8, and uint8 or int32
  std::vector<Found> found_;
};

}  // namespace

bool shows_volume(const std::filesystem::path& path) {
  std::error_code error;
  if (!names_volume(path)) return false;
  const bool dicom_file = path.extension() == ".dcm" && std::filesystem::is_regular_file(path, error);
  try {
    return !dicom_file || count_pages(path) > 1;
  } catch (const DataError&) {
    return true;  // reading it says what is wrong
  }
}

std::string volume_name(const std::filesystem::path& path) {
  const auto whole = (path.has_filename() ? path : path.parent_path()).filename();
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return whole.string();
  for (const std::string_view ending : {".seg.nrrd", ".nii.gz"}) {
    const auto name = whole.string();
    if (name.size() > ending.size() && name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return whole.stem().string();
}

std::pair<double, double> volume_window(const Volume& volume, const PredictRequest& request, const std::string& file) {
  if (request.window) return *request.window;
  if (!request.preset.empty()) return window_limits(request.preset, volume, file);
  const auto [low, high] = request.percentiles.value_or(std::pair{low_percentile, high_percentile});
  const auto limits = percentiles(volume.voxels, low, high);
  if (limits.first < limits.second) return limits;
  throw DataError(Fault{file, "a volume without contrast", "one intensity between the percentiles of the window",
                        "intensities that differ", "give --window LOW HIGH"});
}

ordered_json predict_volume(Backbone& model, const PredictRequest& request, std::size_t number,
                            const std::filesystem::path& folder) {
  return VolumePredictor(model, request, number, folder).run();
}

}  // namespace sam3lab
